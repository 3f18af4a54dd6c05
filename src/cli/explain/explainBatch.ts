/** The work of `explain`: one step as its operators, and what the step tables of the simulator make of the same step. */
import { UserError } from '../../errors.js'
import { staticArm } from '../../levers/catalogue.js'
import type { ArmSpec } from '../../levers/lever.js'
import { columns } from '../../reports/columns.js'
import { timingRequest } from '../../scenario/index.js'
import type { EnginePlan, Plan } from '../../scenario/plan.js'
import { buildStepTables, createStepTimer, explainStep, promptsPs, type StepTables, splitMachine } from '../../timing/index.js'
import { PS_PER_US } from '../../units.js'
import { chooseArm } from '../chooseArm.js'
import { parseArm } from '../options.js'
import { printJson, printResult } from '../output.js'
import { loadPlan } from '../scenarioInput.js'
import { type BatchText, parseBatch } from './batch.js'
import { type ArmSplit, ratioOf, splitOf, splitText } from './explainSplit.js'
import { refuseUnused } from './unusedKeys.js'

export interface ExplainRequest {
  readonly scenario: string
  readonly batch: string
  readonly engine?: string
  readonly arm: string
  readonly sets: readonly string[]
  readonly format: string
}

export async function explainBatch(request: ExplainRequest): Promise<void> {
  const batch = parseBatch(request.batch)
  const { name, arms } = parseArm(request.arm)
  const plan = await loadPlan(request.scenario, request.sets, arms)
  await refuseUnused(request.sets, (sets) => loadPlan(request.scenario, sets, arms))
  const arm = chooseArm(plan, name)
  const engine = chooseEngine(plan, request.engine, batch)
  refuseTooLarge(batch, engine)
  const timing = timingRequest(plan, engine)
  const rank = { decode: { n: batch.sequences, K: batch.kvTokens }, chunks: batch.chunks }
  const step = explainStep(
    timing,
    Array.from({ length: engine.dp }, () => rank),
  )
  const tables = buildStepTables(timing)
  const positions = timing.draftTokens + 1
  const machine = splitMachine(timing)
  const tablesUs = stepUs(tables, batch, positions, 1)
  const of = (spec: ArmSpec): ArmSplit =>
    splitOf(spec, batch, machine, engine.maxNumSeqs, (factor) => stepUs(tables, batch, positions, factor))
  const chosen = of(arm)
  const baseline = of(staticArm(plan.engines))
  const facts = {
    engine: engine.name,
    role: engine.role,
    layout: engine.layout,
    profile: plan.profile,
    draft_tokens: timing.draftTokens,
    ranks: engine.dp,
    total_us: step.totalUs,
    tables_us: tablesUs,
    ...(batch.chunks.length > 0 && { prompt_ends_us: promptEndsUs(tables, batch, positions) }),
    arm: chosen,
    baseline,
    ratio: ratioOf(chosen, baseline),
  }
  if (request.format === 'json') {
    printJson({ plan_hash: plan.planHash, ...facts, operators: step.operators })
    return
  }
  printResult(
    `${plan.model} ${plan.precision} on ${plan.system}, engine ${engine.name} (${engine.layout}${engine.mtp === null ? '' : ` mtp${engine.mtp.n}`}${engine.role === 'aggregated' ? '' : `, ${engine.role}`}, profile ${plan.profile}, ${engine.dp} rank${engine.dp > 1 ? 's, each with this batch' : ''})`,
  )
  const rows = step.operators.map(({ name, group, count, us, evidence, note }) => [
    name,
    group,
    String(count),
    us.toFixed(1),
    evidence,
    note,
  ])
  printResult(columns([['operator', 'part', 'calls', 'us', 'evidence', 'note'], ...rows], [2, 3]))
  printResult(
    `\nsum of operators ${step.totalUs.toFixed(1)} us, step tables of the simulator ${tablesUs.toFixed(1)} us (${signed((tablesUs / step.totalUs - 1) * 100)} %)`,
  )
  if (facts.prompt_ends_us !== undefined)
    printResult(
      `logits of a prompt that ends are not in it: ${facts.prompt_ends_us.toFixed(1)} us more where ${batch.chunks.length === 1 ? 'the chunk is the last of its prompt' : `all ${batch.chunks.length} chunks are the last of their prompts`}`,
    )
  if (chosen.split_factor !== null) printResult(splitText(chosen, baseline, batch))
}

/** What the final projection of every chunk's last position adds, where all of them complete their prompts: a batch does not tell which do. */
function promptEndsUs(tables: StepTables, { sequences, chunks }: BatchText, positions: number): number {
  const timer = createStepTimer(tables)
  const decoding = sequences * positions
  return (timer.headPs(decoding + chunks.length) - timer.headPs(decoding)) / PS_PER_US
}

/** A change in percent with two decimals; what prints as 0 has no sign. */
function signed(value: number): string {
  const size = Math.abs(value).toFixed(2)
  return Number(size) === 0 ? size : `${value < 0 ? '−' : '+'}${size}`
}

/** By name, else by role; without either the first engine that such a batch can be on. */
function chooseEngine(plan: Plan, wanted: string | undefined, batch: BatchText): EnginePlan {
  const { engines } = plan
  const fitting = engines.find(({ role }) => role !== (batch.sequences > 0 ? 'prefill' : 'decode')) ?? engines[0]
  const found =
    wanted === undefined
      ? fitting
      : (engines.find(({ name }) => name === wanted) ?? engines.find(({ role }) => (role as string) === wanted))
  if (found === undefined)
    throw new UserError({
      where: '--engine',
      message: `the scenario has no engine '${wanted}', and none of this role`,
      hint: `engines: ${engines.map(({ name, role }) => `${name} (${role})`).join(', ')}`,
    })
  if (found.role !== 'prefill' || batch.sequences === 0) return found
  throw new UserError({
    where: '--batch',
    message: `engine ${found.name} prefills alone, no sequence decodes there`,
    hint: 'give chunks only, or --engine decode',
  })
}

function refuseTooLarge(batch: BatchText, engine: EnginePlan): void {
  const tokens = batch.sequences * (1 + (engine.mtp?.n ?? 0)) + batch.chunks.reduce((sum, chunk) => sum + chunk.tokens, 0)
  const longest = Math.max(batch.lengths.at(-1) ?? 0, ...batch.chunks.map((chunk) => chunk.tokens + chunk.prefix))
  const refuse = (what: string, key: string, limit: number): never => {
    throw new UserError({
      where: '--batch',
      message: `${what}, more than ${key} of engine ${engine.name} (${limit})`,
      hint: `make the batch smaller, or raise ${key}`,
    })
  }
  if (batch.sequences > engine.maxNumSeqs) refuse(`${batch.sequences} sequences`, 'max_num_seqs', engine.maxNumSeqs)
  if (tokens > engine.maxNumBatchedTokens)
    refuse(`${tokens} tokens in one step`, 'max_num_batched_tokens', engine.maxNumBatchedTokens)
  if (longest > engine.maxModelLen) refuse(`a length of ${longest} tokens`, 'max_model_len', engine.maxModelLen)
}

/** Price of the step from the tables, all ranks alike. `positions`: tokens of a decoding sequence; `factor`: what the split policy makes of the kernel. */
function stepUs(tables: StepTables, { sequences, kvTokens, chunks }: BatchText, positions: number, factor: number): number {
  const timer = createStepTimer(tables)
  const decoding = sequences * positions
  const tokens = decoding + chunks.reduce((sum, chunk) => sum + chunk.tokens, 0)
  let ps = tables.hostPs + timer.localPs(tokens) + timer.sharedPs(tables.ranks * tokens) + timer.exchangePs(tokens)
  if (sequences > 0) ps += timer.headPs(decoding) + timer.decodeRowsPs(sequences) + timer.attentionPs(sequences, kvTokens, factor)
  ps += promptsPs(timer, chunks)
  return ps / PS_PER_US
}

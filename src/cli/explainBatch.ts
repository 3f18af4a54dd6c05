/** The work of `explain`: one step as its operators, and what the step tables of the simulator make of the same step. */
import { UserError } from '../errors.js'
import { createArm, createSplitEvaluator, STATIC_ARM } from '../levers/index.js'
import { timingRequest } from '../scenario/index.js'
import type { EnginePlan, Plan } from '../scenario/plan.js'
import { buildStepTables, createStepTimer, explainStep, type StepTables, splitMachine } from '../timing/index.js'
import { PS_PER_US } from '../units.js'
import { type BatchText, parseBatch } from './batch.js'
import { printJson, printResult } from './output.js'
import { loadPlan } from './scenarioInput.js'
import { columns } from './table.js'

export interface ExplainRequest {
  readonly scenario: string
  readonly batch: string
  readonly engine?: string
  readonly sets: readonly string[]
  readonly format: string
}

export async function explainBatch(request: ExplainRequest): Promise<void> {
  const batch = parseBatch(request.batch)
  const plan = await loadPlan(request.scenario, request.sets)
  const engine = chooseEngine(plan, request.engine)
  refuseTooLarge(batch, engine)
  const timing = timingRequest(plan, engine)
  const rank = { decode: { n: batch.sequences, K: batch.kvTokens }, chunks: batch.chunks }
  const step = explainStep(
    timing,
    Array.from({ length: engine.dp }, () => rank),
  )
  const tables = buildStepTables(timing)
  const tablesUs = stepUs(tables, batch, timing.draftTokens + 1)
  const machine = splitMachine(timing)
  const policy = createArm(STATIC_ARM).split
  const lengths = Float64Array.from(batch.lengths)
  const factor =
    batch.sequences === 0
      ? null
      : createSplitEvaluator(machine, engine.maxNumSeqs).factor(policy, {
          n: batch.sequences,
          lengths,
          totalTokens: batch.kvTokens,
        })
  const facts = {
    engine: engine.name,
    layout: engine.layout,
    ranks: engine.dp,
    total_us: step.totalUs,
    tables_us: tablesUs,
    static_split_factor: factor,
  }
  if (request.format === 'json') {
    printJson({ plan_hash: plan.planHash, ...facts, operators: step.operators })
    return
  }
  printResult(
    `${plan.model} ${plan.precision} on ${plan.system}, engine ${engine.name} (${engine.layout}, ${engine.dp} rank${engine.dp > 1 ? 's, each with this batch' : ''})`,
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
  if (factor !== null)
    printResult(
      `the static arm (${policy.info.name}) multiplies the attention kernel by ${factor.toFixed(3)}; 1 is the shipped rule on equal lengths`,
    )
}

const signed = (value: number): string => (value < 0 ? '' : '+') + value.toFixed(2)

function chooseEngine(plan: Plan, name: string | undefined): EnginePlan {
  if (name === undefined) return plan.engines[0]
  const found = plan.engines.find((engine) => engine.name === name)
  if (found) return found
  throw new UserError({
    where: '--engine',
    message: `the scenario has no engine '${name}'`,
    hint: `engines: ${plan.engines.map((engine) => engine.name).join(', ')}`,
  })
}

function refuseTooLarge(batch: BatchText, engine: EnginePlan): void {
  const tokens = batch.sequences + batch.chunks.reduce((sum, chunk) => sum + chunk.tokens, 0)
  const longest = Math.max(batch.lengths.at(-1) ?? 0, ...batch.chunks.map((chunk) => chunk.tokens + chunk.prefix))
  const refuse = (what: string, key: string, limit: number): never => {
    throw new UserError({
      where: '--batch',
      message: `${what}, more than ${key} of engine ${engine.name} (${limit})`,
      hint: `make the batch smaller, or --set engines.0.${key}=…`,
    })
  }
  if (batch.sequences > engine.maxNumSeqs) refuse(`${batch.sequences} sequences`, 'max_num_seqs', engine.maxNumSeqs)
  if (tokens > engine.maxNumBatchedTokens)
    refuse(`${tokens} tokens in one step`, 'max_num_batched_tokens', engine.maxNumBatchedTokens)
  if (longest > engine.maxModelLen) refuse(`a length of ${longest} tokens`, 'max_model_len', engine.maxModelLen)
}

/** Price of the step from the tables, all ranks alike, split factor 1. `positions`: tokens of a decoding sequence. */
function stepUs(tables: StepTables, { sequences, kvTokens, chunks }: BatchText, positions: number): number {
  const timer = createStepTimer(tables)
  const decoding = sequences * positions
  const tokens = decoding + chunks.reduce((sum, chunk) => sum + chunk.tokens, 0)
  let ps = tables.hostPs + timer.localPs(tokens) + timer.sharedPs(tables.ranks * tokens) + timer.exchangePs(tokens)
  if (sequences > 0) ps += timer.headPs(decoding) + timer.decodeRowsPs(sequences) + timer.kernelPs(sequences, kvTokens)
  for (const { tokens: chunk, prefix } of chunks) ps += timer.prefillPs(chunk, prefix)
  return Math.max(tables.floorPs, ps) / PS_PER_US
}

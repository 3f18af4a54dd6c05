/** What each part of the model is worth: the same rows with one part switched off, nothing refitted. */
import { type Constants, NEUTRAL, type Profile } from '../timing/index.js'
import { fitRows } from './fit/calibrate.js'
import { createEvaluator } from './fit/evaluate.js'
import type { OnFit } from './fit/fit.js'
import type { RowPool } from './pool.js'
import { closedLoopRate, REQUESTS_PER_PLACE, type RowResult } from './protocol.js'
import { BLOCK_TOKENS, type RowEngine, type RowPlan } from './rowPlan.js'
import { type GroupScore, groupScores, type ScoredRow, scoreRow } from './scores.js'
import type { RowSet } from './validate.js'

interface Ablation {
  readonly name: string
  readonly plan?: (plan: RowPlan) => RowPlan
  readonly constants?: Constants
  readonly outcome?: (plan: RowPlan, result: RowResult) => RowResult
}

const engines =
  (change: (engine: RowEngine, plan: RowPlan) => RowEngine) =>
  (plan: RowPlan): RowPlan => ({
    ...plan,
    engines: plan.engines.map((engine) => change(engine, plan)),
  })

/** As many places as there are requests: nobody waits for a slot or a token budget of decode. */
const unlimited = engines((engine, { concurrency }) => ({
  ...engine,
  maxNumSeqs: concurrency,
  maxNumBatchedTokens: Math.max(engine.maxNumBatchedTokens, concurrency * (engine.draftTokens + 1)),
}))

/** KV for every request at once. */
const endlessMemory = engines((engine, { concurrency }) => ({
  ...engine,
  numGpuBlocks: concurrency * (Math.ceil((engine.maxModelLen + 2 * engine.draftTokens) / BLOCK_TOKENS) + 1),
}))

const newest = (profile: Profile): Profile =>
  profile.startsWith('trtllm') ? 'trtllm-2026' : profile.startsWith('sglang') ? 'sglang-2026' : profile

/** TTFT without the waits for a prefill step and for a decode slot. */
function withoutQueue(plan: RowPlan, { ttftMs, tpotMs, waitMs, ...rest }: RowResult): RowResult {
  const served = ttftMs - waitMs
  return { ...rest, tpotMs, waitMs: 0, ttftMs: served, outputTokSPerGpu: closedLoopRate(plan, served, tpotMs) }
}

export const ABLATIONS: readonly Ablation[] = [
  { name: 'everything on' },
  { name: 'queueing off (TTFT without its waits)', outcome: withoutQueue },
  { name: 'batch limits off', plan: unlimited },
  { name: 'KV limits off', plan: endlessMemory },
  { name: 'KV transfers free', plan: (plan) => ({ ...plan, freeTransfers: true }) },
  { name: 'shared experts never hidden', plan: (plan) => ({ ...plan, overlap: false }) },
  { name: 'release profiles off', plan: (plan) => ({ ...plan, profile: newest(plan.profile) }) },
  { name: 'expert kernels of the recipe off', plan: engines((engine) => ({ ...engine, moePath: 'auto' })) },
  { name: 'all constants neutral', constants: NEUTRAL },
]

const unchanged = (plan: RowPlan): RowPlan => plan
const asSimulated = (_: RowPlan, result: RowResult): RowResult => result

export interface AblationScore {
  readonly name: string
  readonly groups: readonly GroupScore[]
}

export async function ablate(
  set: RowSet,
  constants: Constants,
  pool: RowPool,
  seed: number,
  report: OnFit,
): Promise<AblationScore[]> {
  const rows = fitRows(set)
  const scores: AblationScore[] = []
  for (const { name, plan = unchanged, constants: own = constants, outcome = asSimulated } of ABLATIONS) {
    // plans differ under the same id, so nothing may be remembered from one to the next
    const evaluator = createEvaluator(pool, { seed, requestsPerPlace: REQUESTS_PER_PLACE })
    const results = await evaluator.means(
      rows.map((row) => ({ plan: plan(row.plan), constants: own })),
      (done, total) => report(`without: ${name}`, done, total),
    )
    const scored = results.flatMap((result, i): ScoredRow[] =>
      result === null ? [] : [scoreRow(rows[i].row, rows[i].plan, outcome(rows[i].plan, result), 'interpolated')],
    )
    scores.push({ name, groups: groupScores(scored) })
  }
  return scores
}

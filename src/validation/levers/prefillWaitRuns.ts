/**
 * Attention data parallel ranks with and without coordinated prefill (policy `aligned`) on the real simulator: one aggregated engine of DeepSeek-R1 in
 * closed loop. Answers have no memory (geometric lengths), so the loop is in its steady state soon after the first prompts are computed.
 */
import { createArm } from '../../levers/index.js'
import { COMPLETED, type Records } from '../../metrics/records.js'
import { stream } from '../../rng.js'
import { PLAIN_CLUSTER, PLAIN_ENGINE } from '../../simulator/config.js'
import { type ClusterConfig, simulate } from '../../simulator/index.js'
import { buildStepTables, splitMachine } from '../../timing/index.js'
import { shapesOnly, type Workload } from '../../traces/workload.js'
import { NS_PER_S } from '../../units.js'
import type { SettingOf } from './cells.js'
import { lognormalTokens } from './lengths.js'
import { PROMPT_CV } from './prefillWait.js'
import { geometricMean, type Simulated } from './simulated.js'
import { deepseekRequest } from './stepPrice.js'

/** Requests of a run for each place; the middle is measured: after half a place's worth has ended, while there are requests to send. */
const REQUESTS_PER_PLACE = 2.5
const WARM_UP = 0.5
const LONGEST = 2 ** 16
const BLOCK_TOKENS = 32

/** Output tokens per second with the wait over those without, at each number of places. */
export function throughputGain(setting: SettingOf<'prefill-wait'>): Simulated {
  const { budget_tokens: budget, wait_steps, gather_steps } = setting
  const gains = setting.slots_per_rank.map((slots) => {
    const cluster = clusterOf(setting, slots)
    const places = setting.ranks * slots
    const workload = trafficOf(setting, places)
    const rate = (chunk: string): number => {
      const arm = createArm({
        name: 'cell',
        split: 'occupancy-rule',
        chunk,
        rank: 'round-robin',
        span: 'one',
        pool: 'round-robin',
      })
      const { records } = simulate(cluster, arm, workload, { load: { kind: 'closed', concurrency: places } })
      return steadyTokensPerS(records, places)
    }
    return rate(`aligned(${budget},wait=${wait_steps},batch=${gather_steps})`) / rate(`fixed-budget(${budget})`)
  })
  return { value: geometricMean(gains), range: [Math.min(...gains), Math.max(...gains)], by: 'simulator' }
}

function clusterOf({ ranks, budget_tokens: budget }: SettingOf<'prefill-wait'>, slots: number): ClusterConfig {
  const tokens = budget + slots
  const request = deepseekRequest({ system: 'gb200', tp: 1, dp: ranks, sequences: slots, tokens, longest: LONGEST })
  const engine = {
    ...PLAIN_ENGINE,
    name: 'engine',
    ranks,
    gpus: ranks,
    maxNumSeqs: slots,
    maxNumBatchedTokens: tokens,
    maxModelLen: LONGEST,
    blockSize: BLOCK_TOKENS,
    // places bind, not memory
    numGpuBlocks: slots * (LONGEST / BLOCK_TOKENS),
    tables: buildStepTables(request),
    machine: splitMachine(request),
  }
  return { ...PLAIN_CLUSTER, engines: [engine] }
}

function trafficOf({ input_mean, output_mean, budget_tokens }: SettingOf<'prefill-wait'>, places: number): Workload {
  const count = Math.round(REQUESTS_PER_PLACE * places)
  const rng = stream(1, `prefill wait/${places}`)
  const isl = Int32Array.from({ length: count }, () => Math.min(budget_tokens, lognormalTokens(input_mean, PROMPT_CV, rng)))
  const osl = Int32Array.from(isl, (input) => Math.min(LONGEST - input, Math.max(2, Math.ceil(output_mean * rng.exponential()))))
  const note = 'inputs lognormal, outputs geometric'
  return shapesOnly(new Float64Array(count), isl, osl, {
    name: 'prefill wait',
    format: 'generated',
    note,
    rowsRead: count,
    rowsSkipped: 0,
  })
}

/** Tokens of the requests that end in the steady part, over its time. */
function steadyTokensPerS({ count, fate, endNs, osl }: Records, places: number): number {
  const ended = Array.from({ length: count }, (_, i) => i)
    .filter((i) => fate[i] === COMPLETED)
    .sort((a, b) => endNs[a] - endNs[b])
  const middle = ended.slice(Math.round(WARM_UP * places), Math.round((REQUESTS_PER_PLACE - 1) * places))
  const tokens = middle.reduce((sum, i) => sum + osl[i], 0)
  return (tokens * NS_PER_S) / (endNs[middle[middle.length - 1]] - endNs[middle[0]])
}

/**
 * The least engine time that requests can take, whoever schedules them and whatever he knows: work that no order, batch or cut can save. It is what the
 * clairvoyant bound of the oracle ladder divides the engines by. Every term is a lower bound of the step's price (docs/SEMANTICS.md):
 *
 *   fixed and token-wise work: the time of a step of S tokens lies above a line a + b S, and decoding needs at least one step for every
 *   `ranks x maxNumSeqs` tokens; so the sum over all steps is at least a steps + b tokens, for each supporting line;
 *   decode attention: the cheapest KV token of any batch, under the floor of the kernel; prefill attention: the cheapest pair of query and key, whatever
 *   chunks save by sharing a call.
 *
 * Of an engine with several ranks the slowest counts, which is at least their mean. What comes out are prices: of many such bounds the one that is
 * largest for the demand at hand, a line in each of its terms. It bounds any other demand too, so shares of one demand may go to different engines.
 */

import { intervalOf } from '../collections/interval.js'
import type { SplitBatch } from '../levers/lever.js'
import { createSplitEvaluator } from '../levers/split/model.js'
import { oracleFloor } from '../levers/split/oracleFloor.js'
import { createStepTimer, type StepTables, type StepTimer } from '../timing/stepTimer.js'
import type { EngineConfig } from './config.js'

/** The cheapest KV token is sought at lengths of 1 and 1.5 times powers of two, and a factor may be 32 steps old. */
const GRID_SLACK = 0.97

/** What requests ask of engines, summed up. */
export interface Demand {
  /** Prompt tokens that must be computed, and pairs of a prompt token with those before it. */
  readonly promptTokens: number
  readonly pairs: number
  /** Decode steps of sequences, one for each output token after the first without speculation; KV tokens that they read. */
  readonly sequenceSteps: number
  readonly kvTokens: number
}

/** Least time of one such engine for one of each term, ps. */
export type LeastPrices = { readonly [Term in keyof Demand]: number }

/** Prices that bound the engine time of any demand from below; of `demand` they give the largest bound. */
export function leastPrices(engine: EngineConfig, demand: Demand): LeastPrices {
  const { tables, draftTokens } = engine
  const { ranks } = tables
  const timer = createStepTimer(tables)
  const tokens = demand.promptTokens + demand.sequenceSteps * (draftTokens + 1)
  const places = ranks * engine.maxNumSeqs
  const steps = demand.sequenceSteps / places
  const prompts = promptPrices(engine, timer, demand)
  const pricesOf = ({ each, start }: Line, attention: number): LeastPrices => ({
    promptTokens: each - (attention * prompts.tokenPs) / ranks,
    pairs: (attention * prompts.pairPs) / ranks,
    sequenceSteps: each * (draftTokens + 1) + start / places + (attention * leastRowPs(engine, timer)) / ranks,
    kvTokens: (attention * leastKvTokenPs(engine, timer)) / ranks,
  })
  const local = risingFrom(tables.localPs, engine.maxNumBatchedTokens)
  const gated = bestLine(engine, (perRank) => local[perRank], steps, tokens)
  if (ranks === 1) return pricesOf(gated, 1)
  // which rank gates is unknown: either its token-wise work alone, or the mean of all work with the cheapest token anywhere
  let cheapest = Number.POSITIVE_INFINITY
  for (let t = 1; t <= engine.maxNumBatchedTokens; t++) cheapest = Math.min(cheapest, tables.localPs[t] / t)
  const mean = bestLine(engine, (_, sum) => (cheapest * sum) / ranks, steps, tokens)
  const [alone, together] = [pricesOf(gated, 0), pricesOf(mean, 1)]
  return priced(alone, demand) > priced(together, demand) ? alone : together
}

/** The demand at these prices, ps. */
export const priced = (prices: LeastPrices, demand: Demand): number =>
  prices.promptTokens * demand.promptTokens +
  prices.pairs * demand.pairs +
  prices.sequenceSteps * demand.sequenceSteps +
  prices.kvTokens * demand.kvTokens

/** start + each x S, ps, of a step of S tokens. */
interface Line {
  readonly start: number
  readonly each: number
}

/** Of the lines, start >= 0, below the time of every step of S >= 1 tokens the one with the largest start x steps + each x tokens. */
function bestLine(
  { tables, ranks, maxNumBatchedTokens }: EngineConfig,
  localPs: (perRank: number, sum: number) => number,
  steps: number,
  tokens: number,
): Line {
  const most = ranks * maxNumBatchedTokens
  const shared = risingFrom(tables.sharedPs, most)
  const exchange = risingFrom(tables.exchangePs, maxNumBatchedTokens)
  const timePs = (sum: number): number => {
    const perRank = Math.ceil(sum / ranks)
    return tables.hostPs + localPs(perRank, sum) + shared[sum] + exchange[perRank]
  }
  // the lower convex hull, as a stack of its corners
  const at: number[] = []
  const ps: number[] = []
  for (let sum = 1; sum <= most; sum++) {
    const time = timePs(sum)
    while (at.length > 1) {
      const [i, j] = [at.length - 2, at.length - 1]
      if ((ps[j] - ps[i]) * (sum - at[i]) < (time - ps[i]) * (at[j] - at[i])) break
      at.pop()
      ps.pop()
    }
    at.push(sum)
    ps.push(time)
  }
  let best = { start: 0, each: 0 }
  let largest = 0
  const consider = (each: number, start: number) => {
    const sum = start * steps + each * tokens
    if (start < 0 || sum <= largest) return
    best = { start, each }
    largest = sum
  }
  for (let k = 1; k < at.length; k++) {
    const each = (ps[k] - ps[k - 1]) / (at[k] - at[k - 1])
    consider(each, ps[k] - each * at[k])
  }
  consider(Math.min(...at.map((sum, k) => ps[k] / sum)), 0)
  return best
}

/** The smallest entry at or beyond each index, so that the column rises; up to `last`. */
function risingFrom(column: Float64Array, last: number): Float64Array {
  const rising = column.slice(0, last + 1)
  for (let i = last - 1; i >= 0; i--) if (rising[i] > rising[i + 1]) rising[i] = rising[i + 1]
  return rising
}

function leastKvTokenPs(engine: EngineConfig, timer: StepTimer): number {
  const { machine, maxNumSeqs, maxModelLen } = engine
  const evaluator = createSplitEvaluator(machine, maxNumSeqs)
  const floor = oracleFloor()
  const batch: SplitBatch = { n: 0, lengths: new Float64Array(maxNumSeqs), totalTokens: 0 }
  let least = Number.POSITIVE_INFINITY
  for (let n = 1; n <= maxNumSeqs; n++)
    for (let power = 1; power <= maxModelLen; power *= 2)
      for (const length of [power, 1.5 * power]) {
        if (length > maxModelLen || !Number.isInteger(length)) continue
        batch.n = n
        batch.lengths.fill(length, 0, n)
        batch.totalTokens = n * length
        least = Math.min(least, timer.attentionPs(n, n * length, evaluator.factor(floor, batch)) / (n * length))
      }
  return GRID_SLACK * least
}

/** Work of a decode step that goes with the number of sequences alone, for each of them. */
function leastRowPs({ maxNumSeqs, draftTokens }: EngineConfig, timer: StepTimer): number {
  let least = Number.POSITIVE_INFINITY
  for (let n = 1; n <= maxNumSeqs; n++) least = Math.min(least, (timer.decodeRowsPs(n) + timer.headPs(n * (draftTokens + 1))) / n)
  return least
}

/** Parts of what a token of the largest chunk takes of attention, from none on, that a prompt token may be given back so that its pairs cost more. */
const LENT = [0, ...Array.from({ length: 10 }, (_, i) => 2 ** (i - 10))]

/**
 * Prices of prefill attention that are together no more than any step's: pairs of a query and a key at `pairPs`, less `tokenPs` a token. Of those tried
 * the prices with the largest sum for the demand. A chunk adds no less to its step than its work on the prefix and, if that is less than the rest of its
 * price, the least that any next chunk of its length adds.
 */
export function promptPrices(
  { tables, maxNumBatchedTokens, maxModelLen }: EngineConfig,
  timer: StepTimer,
  demand: Demand,
): { readonly pairPs: number; readonly tokenPs: number } {
  const { prefillPrefixKnots: prefixes } = tables
  const chunks = new Set([...tables.prefillChunkKnots, ...(tables.together?.lengths ?? [])])
  // Corners will do: between knots prices are no less than bilinear, and pairs no more. 2 ps for rounding.
  const calls = [...chunks].flatMap((chunk) =>
    [...prefixes]
      .filter((_, j) => j === 0 || prefixes[j - 1] < maxModelLen)
      .map((prefix) => {
        const prefixPs = timer.prefixPs(chunk, prefix)
        const ownPs = timer.prefillPs(chunk, prefix) - prefixPs
        return {
          chunk,
          pairs: chunk * (prefix + (chunk + 1) / 2),
          ps: prefixPs + Math.min(ownPs, leastNextPs(tables, chunk)) - 2,
        }
      }),
  )
  const fullTokenPs = timer.prefillPs(maxNumBatchedTokens, 0) / maxNumBatchedTokens
  let best = { pairPs: 0, tokenPs: 0 }
  let most = 0
  for (const share of LENT) {
    const tokenPs = share * fullTokenPs
    const pairPs = Math.min(...calls.map(({ chunk, pairs, ps }) => (ps + tokenPs * chunk) / pairs))
    const sum = pairPs * demand.pairs - tokenPs * demand.promptTokens
    if (sum <= most) continue
    best = { pairPs, tokenPs }
    most = sum
  }
  return best
}

/** Least that a chunk of so many tokens adds to those before it in its call; all of its price where chunks share none. */
function leastNextPs({ together }: StepTables, tokens: number): number {
  if (together === undefined) return Number.POSITIVE_INFINITY
  const { counts, lengths, nextPs } = together
  const j = intervalOf(lengths, tokens)
  const v = (tokens - lengths[j]) / (lengths[j + 1] - lengths[j])
  let least = Number.POSITIVE_INFINITY
  for (let row = 0; row < counts.length - 1; row++) {
    const at = row * lengths.length + j
    least = Math.min(least, nextPs[at] + (nextPs[at + 1] - nextPs[at]) * v)
  }
  return least
}

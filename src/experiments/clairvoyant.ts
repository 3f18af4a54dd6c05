/**
 * The last rung of the oracle ladder: work conservation. What arrives must be worked off, so no schedule, even one that knows the future, carries more
 * arrivals per second than the engines have seconds for the least work of one (simulator/leastWork.ts). Memory, limits of latency and the order of
 * arrivals are left out, so it is a bound of the capacity and no more.
 */

import { type ClusterConfig, type EngineConfig, longestTaken } from '../simulator/config.js'
import { type Demand, leastPrices, priced } from '../simulator/leastWork.js'
import { countArrivals } from '../traces/load.js'
import type { Workload } from '../traces/workload.js'
import { PS_PER_S } from '../units.js'
import { capacityOutcome, type Outcome } from './job.js'
import type { OracleResult } from './result.js'

export const CLAIRVOYANT = 'oracle-clairvoyant'

export interface ClairvoyantBound {
  /** Arrivals (requests or sessions) per second that no schedule exceeds on traffic of this mix. */
  readonly capacity_rps: number
  /** Engines that bind: those of this role, or those of both where engines may change between them. */
  readonly binding: EngineConfig['role'] | 'all'
}

/** Null where the traffic may cost nothing: one token each, and every prompt a hit. */
export function clairvoyantBound(config: ClusterConfig, workload: Workload): ClairvoyantBound | null {
  const found = leastBound(config, workload)
  return Number.isFinite(found.capacity_rps) ? found : null
}

/**
 * Engines of a role differ, and who knows the future sends each request to the one that is cheapest for it; so each is priced there. An engine that may
 * change its role counts for both, and all engines have to do the work of both.
 */
function leastBound(config: ClusterConfig, workload: Workload): ClairvoyantBound {
  const arrivals = countArrivals(workload)
  const forms = config.engines.flatMap((engine) => (engine.switched === null ? [engine] : [engine, engine.switched]))
  const of = (role: EngineConfig['role']) => forms.filter((engine) => engine.role === role)
  const rate = (engines: number, leastPs: number) => (engines * arrivals * PS_PER_S) / leastPs
  const served = servedOf(config, workload)
  const aggregated = of('aggregated')
  if (aggregated.length > 0) {
    const leastPs = leastWorkPs(aggregated, served, { prompt: true, decode: true })
    return { capacity_rps: rate(aggregated.length, leastPs), binding: 'aggregated' }
  }
  const prefillPs = leastWorkPs(of('prefill'), served, { prompt: true, decode: false })
  const decodePs = leastWorkPs(of('decode'), served, { prompt: false, decode: true })
  const bounds: ClairvoyantBound[] = [
    { capacity_rps: rate(of('prefill').length, prefillPs), binding: 'prefill' },
    { capacity_rps: rate(of('decode').length, decodePs), binding: 'decode' },
  ]
  if (forms.length > config.engines.length)
    bounds.push({ capacity_rps: rate(config.engines.length, prefillPs + decodePs), binding: 'all' })
  return bounds.reduce((least, bound) => (bound.capacity_rps < least.capacity_rps ? bound : least))
}

/** The bound as the capacity of an arm that nobody can have, alike in all replicates. */
export const boundOutcomes = ({ capacity_rps }: ClairvoyantBound, replicates: number): Outcome[] =>
  Array.from({ length: replicates }, () => capacityOutcome({ perS: capacity_rps, isUnbounded: false, simulatedS: 0 }))

export const boundAsOracle = ({ capacity_rps, binding }: ClairvoyantBound): OracleResult => ({
  name: CLAIRVOYANT,
  policies: null,
  says: `clairvoyant bound: by work conservation no schedule, even one that knows the future, serves more than ${Number(capacity_rps.toPrecision(3))} arrivals/s of this mix (${binding} engines bind; latency limits and memory are left out)`,
})

interface Shapes {
  readonly isl: ArrayLike<number>
  readonly osl: ArrayLike<number>
}

/** The requests that are not refused at once as too long for some engine. */
function servedOf({ engines }: ClusterConfig, { count, isl, osl }: Workload): Shapes {
  const { whole, prompt } = longestTaken(engines)
  const rows = Array.from({ length: count }, (_, i) => i).filter((i) => isl[i] + osl[i] <= whole && isl[i] <= prompt)
  return { isl: rows.map((i) => isl[i]), osl: rows.map((i) => osl[i]) }
}

interface Phases {
  readonly prompt: boolean
  readonly decode: boolean
}

/** What of an engine decides its prices. */
const PRICED = [
  'tables',
  'machine',
  'maxNumSeqs',
  'maxNumBatchedTokens',
  'maxModelLen',
  'draftTokens',
  'tokensPer1024Steps',
  'prefixCaching',
] as const satisfies readonly (keyof EngineConfig)[]

const isAlike = (a: EngineConfig, b: EngineConfig): boolean => PRICED.every((key) => a[key] === b[key])

/** Least engine time of these phases of all requests, each on the engine that is cheapest for it, ps. */
function leastWorkPs(engines: readonly EngineConfig[], { isl, osl }: Shapes, phases: Phases): number {
  const kinds = engines.filter((engine, at) => engines.findIndex((other) => isAlike(engine, other)) === at)
  const priceLists = kinds.map((engine) => {
    const all = { promptTokens: 0, pairs: 0, sequenceSteps: 0, kvTokens: 0 }
    for (let i = 0; i < isl.length; i++) {
      const one = demandOf(isl[i], osl[i], engine, phases)
      all.promptTokens += one.promptTokens
      all.pairs += one.pairs
      all.sequenceSteps += one.sequenceSteps
      all.kvTokens += one.kvTokens
    }
    return { engine, prices: leastPrices(engine, all) }
  })
  let sumPs = 0
  for (let i = 0; i < isl.length; i++) {
    let leastPs = Number.POSITIVE_INFINITY
    for (const { engine, prices } of priceLists)
      leastPs = Math.min(leastPs, priced(prices, demandOf(isl[i], osl[i], engine, phases)))
    // a prompt token may be priced below 0 in favour of its pairs
    sumPs += Math.max(0, leastPs)
  }
  return sumPs
}

/** What a request asks of one kind of engine. With a prefix cache any prompt may be a hit, so prompts count for nothing. */
function demandOf(isl: number, osl: number, { prefixCaching, tokensPer1024Steps }: EngineConfig, phases: Phases): Demand {
  const isComputed = phases.prompt && !prefixCaching
  const steps = phases.decode ? Math.max(0, Math.floor(((osl - 1) * 1024) / tokensPer1024Steps)) : 0
  return {
    promptTokens: isComputed ? isl : 0,
    pairs: isComputed ? (isl * (isl + 1)) / 2 : 0,
    sequenceSteps: steps,
    kvTokens: steps * isl + (steps * (steps + 1)) / 2,
  }
}

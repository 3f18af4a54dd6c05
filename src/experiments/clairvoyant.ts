/**
 * The last rung of the oracle ladder: work conservation. What arrives must be worked off, so no schedule, even one that knows the future, carries more
 * arrivals per second than the engines have seconds for the least work of one (simulator/leastWork.ts). Memory, limits of latency and the order of
 * arrivals are left out, so it is a bound of the capacity and no more.
 */

import type { ClusterConfig, EngineConfig } from '../simulator/config.js'
import { type Demand, leastEnginePs } from '../simulator/leastWork.js'
import { countArrivals } from '../traces/load.js'
import type { Workload } from '../traces/workload.js'
import { PS_PER_S } from '../units.js'
import type { Outcome } from './job.js'
import type { OracleResult } from './result.js'

export const CLAIRVOYANT = 'oracle-clairvoyant'

export interface ClairvoyantBound {
  /** Arrivals (requests or sessions) per second that no schedule exceeds on traffic of this mix. */
  readonly capacity_rps: number
  /** Engines that bind: those of this role. */
  readonly binding: EngineConfig['role']
}

/** Null where the traffic may cost nothing: one token each, and every prompt a hit. */
export function clairvoyantBound(config: ClusterConfig, workload: Workload): ClairvoyantBound | null {
  const found = leastBound(config, workload)
  return Number.isFinite(found.capacity_rps) ? found : null
}

function leastBound(config: ClusterConfig, workload: Workload): ClairvoyantBound {
  const arrivals = countArrivals(workload)
  const rateOf = (engines: readonly EngineConfig[], phases: { prompt: boolean; decode: boolean }): number => {
    const known = new Map<EngineConfig['tables'], number>()
    let perS = 0
    for (const engine of engines) {
      const leastPs = known.get(engine.tables) ?? leastEnginePs(engine, demandOf(workload, engine, phases))
      known.set(engine.tables, leastPs)
      perS += (arrivals * PS_PER_S) / leastPs
    }
    return perS
  }
  const of = (role: EngineConfig['role']) => config.engines.filter((engine) => engine.role === role)
  if (of('aggregated').length > 0)
    return { capacity_rps: rateOf(of('aggregated'), { prompt: true, decode: true }), binding: 'aggregated' }
  const prefill = rateOf(of('prefill'), { prompt: true, decode: false })
  const decode = rateOf(of('decode'), { prompt: false, decode: true })
  return prefill < decode ? { capacity_rps: prefill, binding: 'prefill' } : { capacity_rps: decode, binding: 'decode' }
}

/** The bound as the capacity of an arm that nobody can have, alike in all replicates. */
export const boundOutcomes = ({ capacity_rps }: ClairvoyantBound, replicates: number): Outcome[] =>
  Array.from({ length: replicates }, () => ({
    summary: null,
    meanInside: 0,
    copies: 0,
    simulatedS: 0,
    capacityPerS: capacity_rps,
    picture: null,
  }))

export const boundAsOracle = ({ capacity_rps, binding }: ClairvoyantBound): OracleResult => ({
  name: CLAIRVOYANT,
  policies: null,
  says: `clairvoyant bound: by conservation of work no schedule, even one that knows the future, carries more than ${Number(capacity_rps.toPrecision(3))} arrivals/s of this mix (${binding} engines bind; limits of latency and memory are left out)`,
})

/** What the requests of a workload ask of one kind of engine. With a prefix cache any prompt may be a hit, so prompts count for nothing. */
function demandOf(
  { count, isl, osl }: Workload,
  { prefixCaching, tokensPer1024Steps, maxModelLen }: EngineConfig,
  { prompt, decode }: { readonly prompt: boolean; readonly decode: boolean },
): Demand {
  const demand = { promptTokens: 0, pairs: 0, sequenceSteps: 0, kvTokens: 0 }
  for (let i = 0; i < count; i++) {
    // such a request is refused at once
    if (isl[i] + osl[i] > maxModelLen) continue
    if (prompt && !prefixCaching) {
      demand.promptTokens += isl[i]
      demand.pairs += (isl[i] * (isl[i] + 1)) / 2
    }
    if (!decode) continue
    const steps = Math.max(0, Math.floor(((osl[i] - 1) * 1024) / tokensPer1024Steps))
    demand.sequenceSteps += steps
    demand.kvTokens += steps * isl[i] + (steps * (steps + 1)) / 2
  }
  return demand
}

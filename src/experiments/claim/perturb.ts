/** The machine with other constants: what the hypercube changes to see which of them the conclusion hangs on. */
import type { ClusterConfig, EngineConfig } from '../../simulator/config.js'
import type { StepTables } from '../../timing/stepTimer.js'
import { PS_PER_MS } from '../../units.js'

/** Factors on the machine, but for `hostMs` and the planner's; 1 = as calibrated. */
export interface Perturbation {
  /** Bandwidth of one CTA (b), fixed time of a CTA (o), fixed time of a merge, bandwidth of the memory, in the SM-level model. */
  readonly b: number
  readonly o: number
  readonly merge: number
  readonly bandwidth: number
  /** All-to-all of the fullest rank. */
  readonly exchange: number
  /** Time of the experts, as skewed routing makes it longer. */
  readonly experts: number
  /** Host time that every step has besides, ms. */
  readonly hostMs: number
  /** What the split planner believes of b and o, as a factor on the truth. */
  readonly plannerB: number
  readonly plannerO: number
}

export const NEUTRAL: Perturbation = {
  b: 1,
  o: 1,
  merge: 1,
  bandwidth: 1,
  exchange: 1,
  experts: 1,
  hostMs: 0,
  plannerB: 1,
  plannerO: 1,
}

const scaled = (row: Float64Array, factor: number): Float64Array =>
  factor === 1 ? row : row.map((timePs) => Math.round(timePs * factor))

/** The same cluster on the other machine. Engines that share tables go on sharing them. */
export function perturbed(config: ClusterConfig, change: Perturbation): ClusterConfig {
  const known = new Map<StepTables, StepTables>()
  const tablesOf = (tables: StepTables): StepTables => {
    const made = known.get(tables) ?? {
      ...tables,
      hostPs: tables.hostPs + Math.round(change.hostMs * PS_PER_MS),
      sharedPs: scaled(tables.sharedPs, change.experts),
      exchangePs: scaled(tables.exchangePs, change.exchange),
    }
    known.set(tables, made)
    return made
  }
  const engines = config.engines.map(
    (engine): EngineConfig => ({
      ...engine,
      tables: tablesOf(engine.tables),
      machine: {
        ...engine.machine,
        bandwidth: engine.machine.bandwidth * change.bandwidth,
        ctaBandwidth: engine.machine.ctaBandwidth * change.b,
        ctaOverheadNs: engine.machine.ctaOverheadNs * change.o,
        mergeFixedNs: engine.machine.mergeFixedNs * change.merge,
      },
    }),
  )
  return { ...config, engines }
}

/** A step of a prefill engine that costs nothing takes this long all the same, so that time goes on. */
const FREE_STEP_PS = 1000
/** Room for prompts that wait for a place on a decode engine. */
const FREE_BLOCKS = 1e9

/**
 * Prompts for nothing: prefill engines answer in 1 ns, their memory has no end and KV moves at once. What is left to wait for is decode, which is
 * the kindest setting to whoever speeds up decode.
 */
export function freePrompts(config: ClusterConfig): ClusterConfig {
  const zero = (row: Float64Array): Float64Array => new Float64Array(row.length)
  const engines = config.engines.map((engine): EngineConfig => {
    if (engine.role !== 'prefill') return engine
    const { tables } = engine
    return {
      ...engine,
      numGpuBlocks: FREE_BLOCKS,
      tables: {
        ...tables,
        hostPs: FREE_STEP_PS,
        localPs: zero(tables.localPs),
        headPs: zero(tables.headPs),
        decodeRowsPs: zero(tables.decodeRowsPs),
        sharedPs: zero(tables.sharedPs),
        exchangePs: zero(tables.exchangePs),
        prefillPs: zero(tables.prefillPs),
        together: undefined,
      },
    }
  })
  return { ...config, engines, frontendNs: 0, fabric: { nvlinkBytesPerNs: 1e9, nicBytesPerNs: 1e9, latencyNs: 0 } }
}

/** The planner of `length-aware` with a wrong idea of the machine, judged by the exact form on the true one. */
import type { SplitMachine, SplitPolicy } from '../../levers/index.js'
import { stream } from '../../rng.js'
import type { Lengths } from './cells.js'
import { machineOf } from './kernelCells.js'
import { kernelNs, type Launch, launchOf, splitPolicy } from './launches.js'
import { drawLengths, isFixed } from './lengths.js'
import { geometricMean } from './simulated.js'

const SCALES = [0.5, 1, 2]
const SEQUENCES = [4, 16, 48, 64, 128, 200]
const DRAWS = 8
const MACHINES: readonly SplitMachine[] = [
  machineOf({ slots: 152, kv: 'fp8', attention: { kind: 'mla', query_heads: 16, kv_rank: 512, rope: 64 } }),
  machineOf({ slots: 152, kv: 'fp8', attention: { kind: 'mla', query_heads: 128, kv_rank: 512, rope: 64 } }),
  machineOf({ slots: 152, kv: 'fp8', attention: { kind: 'gqa', query_heads: 16, kv_heads: 2, head_dim: 128 } }),
]
const RAGGED: readonly Lengths[] = [
  { law: 'production' },
  { law: 'residents', table: 'servegen-deepseek-r1' },
  { law: 'lognormal', mean: 60_000, cv: 0.8 },
  { law: 'lognormal', mean: 2_500, cv: 1.3 },
]
const EQUAL: readonly Lengths[] = [1024, 8192, 65_536].map((tokens) => ({ law: 'equal', tokens }))

export interface WrongConstants {
  /** The planner's bandwidth and fixed time of a CTA over the true ones. */
  readonly b: number
  readonly o: number
  readonly batches: number
  /** Kernel time over that of the planner with true constants: geometric mean and worst batch, ragged batches. */
  readonly loss: number
  readonly worstLoss: number
  /** Kernel time of the occupancy rule over that of the planner: geometric mean and worst batch, ragged and of equal lengths. */
  readonly gain: number
  readonly worstGain: number
  readonly worstEqualGain: number
}

interface Case {
  readonly launch: Launch
  readonly machine: SplitMachine
}

function cases(laws: readonly Lengths[]): Case[] {
  return laws.flatMap((law) =>
    SEQUENCES.flatMap((sequences) => {
      const rng = stream(1, `wrong constants/${sequences}/${JSON.stringify(law)}`)
      const launches = Array.from({ length: isFixed(law) ? 1 : DRAWS }, () => launchOf(drawLengths(law, sequences, rng)))
      return launches.flatMap((launch) => MACHINES.map((machine) => ({ launch, machine })))
    }),
  )
}

const timesOf = (all: readonly Case[], policy: SplitPolicy): number[] =>
  all.map(({ launch, machine }) => kernelNs(launch, policy, machine))

/** Every pair of factors; planning time is the same for all of them and left out. */
export function wrongConstants(): WrongConstants[] {
  const ragged = cases(RAGGED)
  const equal = cases(EQUAL)
  const shipped = splitPolicy('occupancy-rule')
  const shippedRagged = timesOf(ragged, shipped)
  const shippedEqual = timesOf(equal, shipped)
  const right = timesOf(ragged, splitPolicy('length-aware'))
  return SCALES.flatMap((b) =>
    SCALES.map((o) => {
      const policy = splitPolicy(`length-aware(b=${b},o=${o})`)
      const times = timesOf(ragged, policy)
      const losses = times.map((time, i) => time / right[i])
      const gains = times.map((time, i) => shippedRagged[i] / time)
      const equalGains = timesOf(equal, policy).map((time, i) => shippedEqual[i] / time)
      return {
        b,
        o,
        batches: ragged.length + equal.length,
        loss: geometricMean(losses),
        worstLoss: Math.max(...losses),
        gain: geometricMean(gains),
        worstGain: Math.min(...gains),
        worstEqualGain: Math.min(...equalGains),
      }
    }),
  )
}

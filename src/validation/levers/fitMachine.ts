/** Constants of the SM-level model from timed launches: least squares of log errors. */
import type { ExactMachine, SplitMachine, SplitPolicy } from '../../levers/index.js'
import { minimise } from '../engine/minimise.js'
import { kernelNs, type Launch } from './launches.js'

/** One measured launch. `machine` holds its shape (heads, bytes, slots); the constants in it are those that the fit starts from. */
export interface TimedLaunch {
  readonly launch: Launch
  readonly policy: SplitPolicy
  readonly machine: SplitMachine
  readonly measuredNs: number
  /** Launched longest first, whatever the policy says. */
  readonly longestFirst?: boolean
}

export type MachineConstant =
  | 'bandwidth'
  | 'ctaBandwidth'
  | 'ctaOverheadNs'
  | 'mergeFixedNs'
  | 'mergeBandwidth'
  | 'launchNs'
  | 'knee'

export interface MachineFit {
  /** Values of the free constants. */
  readonly constants: Readonly<Partial<Record<MachineConstant, number>>>
  /** Model over measured - 1 of each launch, in their order. */
  readonly errors: readonly number[]
}

/** The simplex searches log constants; its first step is a factor of e^0.3. It starts again from its best point until that stays. */
const STEP = 0.3
const MOST_CALLS = 400
const TOLERANCE = 1e-12
const RESTARTS = 3
/** Where the knee starts: between the softest that was measured and a sharp one. */
const KNEE = 4

/** What a machine has before anything is fitted. */
const startOf = (machine: ExactMachine, name: MachineConstant): number =>
  machine[name] ?? (name === 'knee' ? KNEE : machine.ctaBandwidth)

/** Model over measured - 1 of each launch. */
export const errorsOf = (rows: readonly TimedLaunch[], constants: MachineFit['constants']): number[] =>
  rows.map(
    ({ launch, policy, machine, measuredNs, longestFirst }) =>
      kernelNs(launch, policy, { ...machine, ...constants }, longestFirst) / measuredNs - 1,
  )

/**
 * The values of the `free` constants that the launches share. Others keep the value of each launch's machine. All are positive: a constant that the
 * rows want below zero ends near zero.
 */
export function fitMachine(rows: readonly TimedLaunch[], free: readonly MachineConstant[]): MachineFit {
  const constantsAt = (logs: readonly number[]) => Object.fromEntries(free.map((name, i) => [name, Math.exp(logs[i])]))
  const loss = (logs: readonly number[]): number =>
    errorsOf(rows, constantsAt(logs)).reduce((sum, error) => sum + Math.log1p(error) ** 2, 0)
  let at: readonly number[] = free.map((name) => Math.log(startOf(rows[0].machine, name)))
  for (let restart = 0; restart < RESTARTS; restart++) at = minimise(loss, at, STEP, MOST_CALLS, TOLERANCE).at
  const constants = constantsAt(at)
  return { constants, errors: errorsOf(rows, constants) }
}

/** The fitted constants as coordinates of a search: factors by their logarithm, amounts as they are, each with bounds and a weak prior. */
import type { Constants, FittedConstant } from '../../timing/index.js'
import { type Calibration, NEUTRAL } from '../../timing/index.js'

export type ConstantName = keyof Constants

export interface Parameter {
  readonly name: ConstantName
  readonly unit: string
  /** Coordinate of the neutral value. */
  readonly neutral: number
  readonly low: number
  readonly high: number
  /** Move of the coordinate when the effect of the constant is measured. */
  readonly step: number
  /** Standard deviation of the prior around the neutral value, in coordinates: wide, it decides only where no row speaks. */
  readonly spread: number
}

/** By unit. Bounds are what is physically thinkable; steps are large against the noise of a simulated mean and small against the bounds. */
const RULES: Readonly<Record<string, { low: number; high: number; step: number; spread: number }>> = {
  x: { low: Math.log(1 / 8), high: Math.log(8), step: 0.08, spread: Math.log(2) },
  ms: { low: 0, high: 1000, step: 1, spread: 100 },
  'us per layer': { low: 0, high: 1000, step: 10, spread: 200 },
  us: { low: 0, high: 100, step: 1, spread: 10 },
  probability: { low: 0.05, high: 0.99, step: 0.02, spread: 0.25 },
}

const isFactor = (unit: string): boolean => unit === 'x'
const coordinate = (unit: string, value: number): number => (isFactor(unit) ? Math.log(value) : value)

export const CONSTANT_NAMES = Object.keys(NEUTRAL) as ConstantName[]

/** Milliseconds range from a launch to a handshake, so their step follows the value from which a fit starts. */
function parameterOf(name: ConstantName, { unit, value, neutral }: FittedConstant): Parameter {
  const rule = RULES[unit]
  if (rule === undefined) throw new Error(`constant ${name} has the unit ${unit}, for which there is no rule`)
  const step = unit === 'ms' ? Math.max(0.25, 0.1 * value) : rule.step
  return { name, unit, neutral: coordinate(unit, neutral), low: rule.low, high: rule.high, step, spread: rule.spread }
}

export const parametersOf = (calibration: Calibration): Parameter[] =>
  CONSTANT_NAMES.map((name) => parameterOf(name, calibration.constants[name]))

export const coordinatesOf = (parameters: readonly Parameter[], constants: Constants): number[] =>
  parameters.map(({ name, unit }) => coordinate(unit, constants[name]))

export const constantsAt = (parameters: readonly Parameter[], at: readonly number[]): Constants =>
  Object.fromEntries(
    parameters.map(({ name, unit }, i) => [name, isFactor(unit) ? Math.exp(at[i]) : at[i]]),
  ) as unknown as Constants

export const clamp = (parameters: readonly Parameter[], at: readonly number[]): number[] =>
  parameters.map(({ low, high }, i) => Math.min(high, Math.max(low, at[i])))

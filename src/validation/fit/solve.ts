/** Robust linear least squares with bounds: absolute errors by iterative reweighting, a Gaussian prior, and clamping. */
import { clamp, type Parameter } from './parameters.js'

/** One weighted residual: log error at the reference, and its derivative by each coordinate. */
export interface Residual {
  readonly error: number
  readonly slope: Float64Array
  readonly weight: number
  /** Index of the configuration it belongs to. */
  readonly configuration: number
}

/** Log errors below this count quadratically: the noise between repeats of a measurement is about 4 %. */
const NOISE = 0.04
const ITERATIONS = 60
/** A change of all coordinates below this ends the search. */
const CONVERGED = 1e-6
/** Weight of the prior against one residual of weight 1 and the size of the noise. */
const PRIOR_WEIGHT = 1

/** Solves the symmetric positive definite system a x = b in place by Cholesky's method; `a` is n x n, row-major. */
export function solvePositive(a: Float64Array, b: Float64Array): Float64Array {
  const n = b.length
  for (let j = 0; j < n; j++) {
    for (let i = j; i < n; i++) {
      let sum = a[i * n + j]
      for (let k = 0; k < j; k++) sum -= a[i * n + k] * a[j * n + k]
      a[i * n + j] = i === j ? Math.sqrt(Math.max(sum, Number.MIN_VALUE)) : sum / a[j * n + j]
    }
  }
  const x = Float64Array.from(b)
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) x[i] -= a[i * n + k] * x[k]
    x[i] /= a[i * n + i]
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i] -= a[k * n + i] * x[k]
    x[i] /= a[i * n + i]
  }
  return x
}

/**
 * Errors are reported as simulated / measured - 1, so at a log error e the loss grows exp(e) times as fast: too high counts more than too
 * low. Kept within a factor, so that one wild row cannot lead.
 */
const MOST_TILT = 4
const tilt = (error: number): number => Math.min(MOST_TILT, Math.max(1 / MOST_TILT, Math.exp(error)))

/** Huber's weight: 1 inside the noise, falling with 1 / |error| beyond, so that large errors count by their size and not its square. */
const huber = (error: number): number => (Math.abs(error) <= NOISE ? 1 : NOISE / Math.abs(error))

/**
 * The coordinates at which the linear model `error + slope (x - reference)` has the smallest weighted Huber loss, with the prior, within
 * the bounds. A coordinate that hits a bound stays there while the others are solved again.
 */
export function solveRobust(
  residuals: readonly Residual[],
  parameters: readonly Parameter[],
  reference: readonly number[],
  weightOf: (configuration: number) => number = () => 1,
): number[] {
  let at = [...reference]
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    const next = boundedStep(residuals, parameters, reference, at, weightOf)
    const moved = Math.max(...next.map((value, i) => Math.abs(value - at[i]) / parameters[i].spread))
    at = next
    if (moved < CONVERGED) break
  }
  return at
}

function boundedStep(
  residuals: readonly Residual[],
  parameters: readonly Parameter[],
  reference: readonly number[],
  at: readonly number[],
  weightOf: (configuration: number) => number,
): number[] {
  const n = parameters.length
  const normal = new Float64Array(n * n)
  const right = new Float64Array(n)
  for (const { error, slope, weight, configuration } of residuals) {
    const times = weight * weightOf(configuration)
    if (times === 0) continue
    let now = error
    for (let j = 0; j < n; j++) now += slope[j] * (at[j] - reference[j])
    const w = (times * huber(now) * tilt(now)) / NOISE ** 2
    for (let j = 0; j < n; j++) {
      if (slope[j] === 0) continue
      right[j] -= w * slope[j] * now
      for (let k = 0; k <= j; k++) normal[j * n + k] += w * slope[j] * slope[k]
    }
  }
  parameters.forEach(({ neutral, spread }, j) => {
    normal[j * n + j] += PRIOR_WEIGHT / spread ** 2
    right[j] += (PRIOR_WEIGHT * (neutral - at[j])) / spread ** 2
  })
  return withinBounds(normal, right, parameters, at)
}

function withinBounds(
  normal: Float64Array,
  right: Float64Array,
  parameters: readonly Parameter[],
  at: readonly number[],
): number[] {
  const n = parameters.length
  const pinned = new Map<number, number>()
  for (;;) {
    const free = parameters.map((_, j) => j).filter((j) => !pinned.has(j))
    const a = new Float64Array(free.length ** 2)
    const b = new Float64Array(free.length)
    const entry = (j: number, k: number): number => (j >= k ? normal[j * n + k] : normal[k * n + j])
    free.forEach((j, row) => {
      b[row] = right[j]
      for (const [k, move] of pinned) b[row] -= entry(j, k) * move
      free.forEach((k, column) => {
        a[row * free.length + column] = entry(j, k)
      })
    })
    const moves = solvePositive(a, b)
    const next = [...at]
    for (const [k, move] of pinned) next[k] = at[k] + move
    free.forEach((j, row) => {
      next[j] = at[j] + moves[row]
    })
    const clamped = clamp(parameters, next)
    const outside = free.filter((j) => clamped[j] !== next[j])
    if (outside.length === 0) return clamped
    for (const j of outside) pinned.set(j, clamped[j] - at[j])
  }
}

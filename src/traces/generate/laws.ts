/** Laws of one number, by inverse CDF: one uniform draw gives one value, so a stream of draws stays aligned whatever the law. */
import type { Rng } from '../../rng.js'
import { normalCdf, normalQuantile } from './normal.js'

export interface Lognormal {
  /** Mean and standard deviation of the natural logarithm. */
  readonly lognormal: readonly [number, number]
}

export interface Bounds {
  /** The law is clipped to [min, max]. */
  readonly min?: number
  readonly max?: number
}

/** An inverse CDF: percentages from 0 to 100, ascending, and the values there; linear between. An atom is two knots of one value. */
export interface TableSpec {
  readonly p: readonly number[]
  readonly x: readonly number[]
}

export type LawSpec =
  | number
  | TableSpec
  | (Lognormal & Bounds)
  | ({ readonly mix: readonly (Lognormal & { readonly weight: number })[] } & Bounds)
  | ({ readonly exponential: number } & Bounds)
  | { readonly uniform: readonly [number, number] }

/** The value below which the share u of all draws lies, u in [0, 1). */
export type Quantile = (u: number) => number

export interface Law {
  readonly quantile: Quantile
  draw(rng: Rng): number
}

export function lawOf(spec: LawSpec): Law {
  const quantile = quantileOf(spec)
  return { quantile, draw: (rng) => quantile(rng.uniform()) }
}

function quantileOf(spec: LawSpec): Quantile {
  if (typeof spec === 'number') return () => spec
  if ('p' in spec) return (u) => inverseCdf(spec.p, spec.x, u)
  if ('uniform' in spec) return (u) => spec.uniform[0] + u * (spec.uniform[1] - spec.uniform[0])
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = spec
  const unbounded = unboundedQuantile(spec)
  return (u) => Math.min(max, Math.max(min, unbounded(inside(u))))
}

/** Half a step of the generator of uniforms inwards, where every law is finite. */
const HALF_STEP = 2 ** -33
const inside = (u: number): number => Math.min(Math.max(u, HALF_STEP), 1 - HALF_STEP)

function unboundedQuantile(spec: Exclude<LawSpec, number | TableSpec | { uniform: unknown }>): Quantile {
  if ('exponential' in spec) return (u) => -Math.log1p(-u) * spec.exponential
  if ('mix' in spec) return mixtureQuantile(spec.mix)
  const [mu, sigma] = spec.lognormal
  return (u) => Math.exp(mu + sigma * normalQuantile(u))
}

/** Standard deviations from the middle of a part between which the 32 bits of a uniform lie. */
const REACH = 6.5
const BISECTIONS = 48

function mixtureQuantile(parts: readonly (Lognormal & { readonly weight: number })[]): Quantile {
  const total = parts.reduce((sum, { weight }) => sum + weight, 0)
  const lowest = Math.min(...parts.map(({ lognormal: [mu, sigma] }) => mu - REACH * sigma))
  const highest = Math.max(...parts.map(({ lognormal: [mu, sigma] }) => mu + REACH * sigma))
  const cdf = (log: number): number =>
    parts.reduce((sum, { weight, lognormal: [mu, sigma] }) => sum + (weight / total) * normalCdf((log - mu) / sigma), 0)
  return (u) => {
    let low = lowest
    let high = highest
    for (let i = 0; i < BISECTIONS; i++) {
      const middle = (low + high) / 2
      if (cdf(middle) < u) low = middle
      else high = middle
    }
    return Math.exp(high)
  }
}

/** Linear interpolation of an inverse CDF at probability u in [0, 1). */
export function inverseCdf(percentages: readonly number[], values: readonly number[], u: number): number {
  const at = u * 100
  let low = 0
  let high = percentages.length - 1
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (percentages[middle] <= at) low = middle
    else high = middle
  }
  const share = (at - percentages[low]) / (percentages[high] - percentages[low])
  return values[low] + Math.min(1, share) * (values[high] - values[low])
}

const MEAN_POINTS = 1 << 14

/** The mean, by the midpoint rule on the inverse CDF. */
export function meanOf({ quantile }: Law): number {
  let sum = 0
  for (let i = 0; i < MEAN_POINTS; i++) sum += quantile((i + 0.5) / MEAN_POINTS)
  return sum / MEAN_POINTS
}

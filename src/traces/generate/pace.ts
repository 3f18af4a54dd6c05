/**
 * How the rate of arrivals changes over time: steps of a factor around 1. Gaps are drawn in a time of their own in which the rate is
 * constant, and that time passes `factor` times as fast as ours, so any gap law follows any profile.
 */
import type { Rng } from '../../rng.js'

/** A profile in steps: step i ends `until_s[i]` seconds after the start. It is repeated, and scaled to a mean of 1. */
export interface ProfileSpec {
  readonly until_s: readonly number[]
  readonly factors: readonly number[]
}

/** A slow random factor: lognormal with mean 1, one value per `step_s`, each correlated with the one before by `memory`. */
export interface DriftSpec {
  readonly step_s: number
  readonly cv: number
  /** Correlation of the logarithms of neighbouring steps, [0, 1). */
  readonly memory: number
}

interface Step {
  readonly lengthS: number
  readonly factor: number
}

/** Steps one after the other, without end. */
export type Steps = () => Step

export function profileSteps({ until_s: untilS, factors }: ProfileSpec): Steps {
  const lengths = untilS.map((end, i) => end - (untilS[i - 1] ?? 0))
  const mean = lengths.reduce((sum, length, i) => sum + length * factors[i], 0) / untilS[untilS.length - 1]
  let next = 0
  return () => {
    const at = next
    next = (next + 1) % lengths.length
    return { lengthS: lengths[at], factor: factors[at] / mean }
  }
}

export function driftSteps({ step_s: lengthS, cv, memory }: DriftSpec, rng: Rng): Steps {
  const sigma = Math.sqrt(Math.log1p(cv ** 2))
  let z = rng.normal()
  return () => {
    const factor = Math.exp(sigma * z - sigma ** 2 / 2)
    z = memory * z + Math.sqrt(1 - memory ** 2) * rng.normal()
    return { lengthS, factor }
  }
}

/** The same steps, begun `seconds` later. */
export function begunLater(steps: Steps, seconds: number): Steps {
  let skip = seconds
  return () => {
    for (;;) {
      const step = steps()
      const rest = step.lengthS - skip
      skip = Math.max(0, skip - step.lengthS)
      if (rest > 0) return { lengthS: rest, factor: step.factor }
    }
  }
}

export function productOf(a: Steps, b: Steps): Steps {
  let one = a()
  let other = b()
  return () => {
    const lengthS = Math.min(one.lengthS, other.lengthS)
    const step = { lengthS, factor: one.factor * other.factor }
    one = one.lengthS > lengthS ? { ...one, lengthS: one.lengthS - lengthS } : a()
    other = other.lengthS > lengthS ? { ...other, lengthS: other.lengthS - lengthS } : b()
    return step
  }
}

/** Whole ns are exact in a double up to 2^53, 104 days; no time of a trace is later. */
export const LATEST_S = 9e6

/** Gaps drawn at a constant rate -> the times, in s from 0, at which they end while the rate follows the steps. */
export function paced(gaps: () => number, steps: Steps | null): () => number {
  let timeS = 0
  if (steps === null) {
    return () => {
      timeS += gaps()
      return timeS
    }
  }
  let step = steps()
  let stepLeftS = step.lengthS
  return () => {
    let gap = gaps()
    // of times that are too late in any case the steps need not be followed
    while (timeS <= LATEST_S && gap > stepLeftS * step.factor) {
      gap -= stepLeftS * step.factor
      timeS += stepLeftS
      step = steps()
      stepLeftS = step.lengthS
    }
    const passedS = step.factor > 0 ? gap / step.factor : 0
    stepLeftS -= passedS
    timeS += passedS
    return timeS
  }
}

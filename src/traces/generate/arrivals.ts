/**
 * Arrival processes: gaps in seconds, `ratePerS` arrivals a second in the mean. What makes the rate rise and fall with the hour is in pace.ts.
 */
import { gamma } from 'simple-statistics'
import type { Rng } from '../../rng.js'
import { type Law, type LawSpec, lawOf, meanOf, type TableSpec } from './laws.js'
import { LATEST_S } from './pace.js'

export type Gaps = () => number

export type ArrivalSpec =
  | { readonly law: 'poisson' }
  /** Independent gaps with this coefficient of variation: 1 is Poisson, above it come clumps. */
  | { readonly law: 'gamma' | 'weibull'; readonly cv: number }
  /** Independent gaps by inverse CDF, in units of their mean. */
  | { readonly law: 'table'; readonly gaps: TableSpec }
  | { readonly law: 'mmpp'; readonly states: readonly MmppState[] }
  | { readonly law: 'bursts'; readonly requests: LawSpec; readonly gap_s: LawSpec; readonly silence_s: LawSpec }

/** A state of a Markov-modulated Poisson process. */
export interface MmppState {
  /** Rate in this state against that of the others; only the proportions matter. */
  readonly weight: number
  /** Mean time in the state, s; exponential. */
  readonly dwell_s: number
}

export function gapsOf(spec: ArrivalSpec, ratePerS: number, rng: Rng): Gaps {
  switch (spec.law) {
    case 'poisson':
      return () => rng.exponential() / ratePerS
    case 'gamma':
      return gammaGaps(spec.cv, ratePerS, rng)
    case 'weibull':
      return weibullGaps(spec.cv, ratePerS, rng)
    case 'table': {
      const law = lawOf(spec.gaps)
      const scale = 1 / (ratePerS * meanOf(law))
      return () => law.draw(rng) * scale
    }
    case 'mmpp':
      return mmppGaps(spec.states, ratePerS, rng)
    case 'bursts':
      return burstGaps(spec, ratePerS, rng)
  }
}

/** Shape 1 / cv^2. By G. Marsaglia and W. W. Tsang, "A simple method for generating gamma variables" (2000), raised by one below shape 1. */
function gammaGaps(cv: number, ratePerS: number, rng: Rng): Gaps {
  const shape = 1 / cv ** 2
  const raised = shape < 1 ? shape + 1 : shape
  const d = raised - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  const drawRaised = (): number => {
    for (;;) {
      const x = rng.normal()
      const v = (1 + c * x) ** 3
      if (v > 0 && Math.log(1 - rng.uniform()) < x * x * 0.5 + d - d * v + d * Math.log(v)) return d * v
    }
  }
  const scale = 1 / (ratePerS * shape)
  return () => {
    const value = drawRaised()
    return scale * (shape < 1 ? value * (1 - rng.uniform()) ** (1 / shape) : value)
  }
}

/** The shape k with cv^2 = G(1 + 2/k) / G(1 + 1/k)^2 - 1, found by bisection: cv falls as k rises. */
export function weibullShape(cv: number): number {
  let low = 0.05
  let high = 50
  for (let i = 0; i < 60; i++) {
    const k = Math.sqrt(low * high)
    if (gamma(1 + 2 / k) / gamma(1 + 1 / k) ** 2 - 1 > cv ** 2) low = k
    else high = k
  }
  return high
}

function weibullGaps(cv: number, ratePerS: number, rng: Rng): Gaps {
  const shape = weibullShape(cv)
  const scale = 1 / (ratePerS * gamma(1 + 1 / shape))
  return () => scale * rng.exponential() ** (1 / shape)
}

/** Goes round its states in order, starting in the first. */
function mmppGaps(states: readonly MmppState[], ratePerS: number, rng: Rng): Gaps {
  const cycleS = states.reduce((sum, { dwell_s }) => sum + dwell_s, 0)
  const perCycle = states.reduce((sum, { weight, dwell_s }) => sum + weight * dwell_s, 0)
  const rates = states.map(({ weight }) => (weight * ratePerS * cycleS) / perCycle)
  let state = 0
  let leftS = rng.exponential() * states[0].dwell_s
  return () => {
    let gapS = 0
    for (;;) {
      const next = rates[state] > 0 ? rng.exponential() / rates[state] : Number.POSITIVE_INFINITY
      if (next <= leftS) {
        leftS -= next
        return gapS + next
      }
      // memoryless: the rest of the gap is drawn anew in the next state
      gapS += leftS
      // too late for any trace, which the caller says: at a tiny rate the states would be gone round for ever
      if (gapS > LATEST_S) return Number.POSITIVE_INFINITY
      state = (state + 1) % states.length
      leftS = rng.exponential() * states[state].dwell_s
    }
  }
}

/** Bursts of requests with short gaps, and silences between them; all times are stretched so that the mean rate is the wanted one. */
function burstGaps(spec: Extract<ArrivalSpec, { law: 'bursts' }>, ratePerS: number, rng: Rng): Gaps {
  const size = burstSizes(spec.requests)
  const gap = lawOf(spec.gap_s)
  const silence = lawOf(spec.silence_s)
  const meanSize = meanOf(size)
  const stretch = meanSize / (ratePerS * ((meanSize - 1) * meanOf(gap) + meanOf(silence)))
  let left = size.draw(rng)
  return () => {
    left--
    if (left > 0) return stretch * gap.draw(rng)
    left = size.draw(rng)
    return stretch * silence.draw(rng)
  }
}

/** Requests of a burst, as they are drawn: whole, and one at least. Their mean is not that of the law where that often lies near 1. */
export function burstSizes(requests: LawSpec): Law {
  const { quantile } = lawOf(requests)
  const size = (u: number): number => Math.max(1, Math.round(quantile(u)))
  return { quantile: size, draw: (rng) => size(rng.uniform()) }
}

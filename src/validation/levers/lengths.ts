/** Batches of KV lengths, in arrival order, as the cells name them. */
import { type Rng, shuffled } from '../../rng.js'
import { shapesOf } from '../../traces/generate/lengths.js'
import type { Lengths } from './cells.js'

/** FlashInfer PR 3379 (May 2026): lengths in tokens and their weights; mean 26.5k, coefficient of variation 1.35. */
const PRODUCTION = [
  [4096, 0.35],
  [8192, 0.2],
  [16384, 0.15],
  [32768, 0.12],
  [65536, 0.1],
  [131072, 0.08],
] as const
/** Longest request of a published table that is drawn, tokens. */
const LONGEST = 2 ** 20

/** True when every draw of a law is the same batch but for its order. */
export const isFixed = ({ law }: Lengths): boolean => law === 'equal' || law === 'listed'

/** `count` whole lengths >= 1, tokens. */
export function drawLengths(spec: Lengths, count: number, rng: Rng): number[] {
  return shuffled(unordered(spec, count, rng), rng)
}

function unordered(spec: Lengths, count: number, rng: Rng): number[] {
  switch (spec.law) {
    case 'equal':
      return new Array<number>(count).fill(spec.tokens)
    case 'listed':
      return Array.from({ length: count }, (_, i) => spec.tokens[i % spec.tokens.length])
    case 'production':
      return Array.from({ length: count }, () => production(rng))
    case 'lognormal':
      return Array.from({ length: count }, () => lognormalTokens(spec.mean, spec.cv, rng))
    case 'residents':
      return residents(spec.table, count, rng)
  }
}

/** Whole tokens >= 1 of the lognormal law with this mean and coefficient of variation. */
export function lognormalTokens(mean: number, cv: number, rng: Rng): number {
  const variance = Math.log1p(cv ** 2)
  return Math.max(1, Math.round(mean * Math.exp(Math.sqrt(variance) * rng.normal() - variance / 2)))
}

function production(rng: Rng): number {
  let left = rng.uniform()
  for (const [tokens, weight] of PRODUCTION) {
    left -= weight
    if (left < 0) return tokens
  }
  return PRODUCTION[PRODUCTION.length - 1][0]
}

/** A request is met in proportion to the steps that it decodes, at any of them alike: rejection by the longest answer of a few thousand draws. */
const PILOT_DRAWS = 2000

function residents(table: string, count: number, rng: Rng): number[] {
  const draw = shapesOf({ table }, LONGEST)
  let longest = 1
  for (let i = 0; i < PILOT_DRAWS; i++) longest = Math.max(longest, draw(rng, 0).osl)
  const found: number[] = []
  while (found.length < count) {
    const { isl, osl } = draw(rng, 0)
    if (rng.uniform() * longest < osl) found.push(isl + 1 + rng.integer(osl))
  }
  return found
}

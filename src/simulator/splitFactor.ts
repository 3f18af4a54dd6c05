/** When the split factor of a rank is evaluated anew, and when the last one still holds (docs/SEMANTICS.md, "The split factor"). */
import type { Core } from './core.js'
import { gatherLengths } from './spans.js'
import type { State } from './state.js'

/** Steps after which a factor is evaluated anew in any case, and after which a join or leave demands it. */
const MAX_AGE = 32
const CHANGED_AGE = 10

/** Whether the factor of rank g still holds for n sequences with kvTokens in all, at the given step and token clock of their engine. */
function factorHolds(s: State, g: number, n: number, kvTokens: number, step: number, clock: number): boolean {
  const predicted = s.factorTokens[g] + s.factorCount[g] * (clock - s.factorClock[g])
  return factorSuits(s, g, n) && step < factorExpiry(s, g) && !isFar(kvTokens, predicted)
}

/** Whether there is a factor of rank g, for about n sequences. */
function factorSuits(s: State, g: number, n: number): boolean {
  const count = s.factorCount[g]
  const off = n > count ? n - count : count - n
  return count > 0 && 20 * off <= count
}

/** The step at which the factor of rank g is too old. */
export const factorExpiry = (s: State, g: number): number => s.factorStep[g] + (s.changed[g] === 1 ? CHANGED_AGE : MAX_AGE)

/** Whether the KV tokens of a rank are off what was predicted of them. */
export const isFar = (kvTokens: number, predicted: number): boolean => 32 * Math.abs(kvTokens - predicted) > predicted

/** Factor for the n decoding sequences of rank g with kvTokens in all, this step's token included. */
export function splitFactor(core: Core, e: number, g: number, n: number, kvTokens: number): number {
  const s = core.state
  const step = s.stepCount[e]
  const clock = s.tokenClock[e]
  if (factorHolds(s, g, n, kvTokens, step, clock)) return s.factor[g]
  const { batch } = core
  const { lengths } = batch
  batch.n = n
  batch.totalTokens = kvTokens
  if (s.lanes === null) {
    const { sortedBases } = s
    const first = s.sortedStart[g]
    for (let i = 0; i < n; i++) lengths[i] = sortedBases[first + i] + clock + 1
  } else batch.totalTokens = gatherLengths(s, s.lanes, e, g, clock + 1, lengths)
  const factor = core.evaluators[e].factor(core.arm.split, batch)
  s.factor[g] = factor
  s.factorStep[g] = step
  s.factorClock[g] = clock
  s.factorCount[g] = n
  s.factorTokens[g] = kvTokens
  s.changed[g] = 0
  return factor
}

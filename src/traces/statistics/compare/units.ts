/**
 * Sampling noise of a trace. Requests close in time or of one session resemble each other, so the trace is cut into units (stretches of
 * time, or groups of sessions) that are taken to be independent, and a statistic's standard error is that of the jackknife over units
 * (B. Efron, The Jackknife, the Bootstrap and Other Resampling Plans, 1982): the spread of the statistic when one unit at a time is left out.
 */
import { NS_PER_S } from '../../../units.js'
import type { Workload } from '../../workload.js'

const MOST_UNITS = 100
/** A shorter trace is cut into this many stretches below a minute. */
const FEWEST_STRETCHES = 10
const STRETCH_NS = 60 * NS_PER_S

/** The unit of each of `length` rows, by number from 0. */
export interface Units {
  readonly count: number
  readonly of: (row: number) => number
}

/** Stretches of equal time: a minute or a little more, longer in traces of more than 100 min, shorter in traces below 10 min. */
export function stretches(sortedNs: Float64Array): Units {
  const first = sortedNs[0]
  const durationNs = sortedNs[sortedNs.length - 1] - first
  const count = Math.min(MOST_UNITS, Math.max(FEWEST_STRETCHES, Math.floor(durationNs / STRETCH_NS)))
  return { count, of: (row) => Math.min(count - 1, Math.floor(((sortedNs[row] - first) / durationNs) * count)) }
}

/** `length` rows in order, cut into at most `most` equal parts. */
export function parts(length: number, most = MOST_UNITS): Units {
  const count = Math.max(1, Math.min(most, length))
  return { count, of: (row) => Math.floor((row * count) / length) }
}

/** Sessions dealt to at most 100 groups; a request of no session is one of its own. */
export function sessionGroups(session: Int32Array): Units {
  const sessions = session.reduce((most, number) => Math.max(most, number + 1), 0)
  const count = Math.min(MOST_UNITS, sessions)
  return { count, of: (row) => (session[row] < 0 ? row : session[row]) % count }
}

/** Units of the requests of a trace: sessions where they tell the times, else stretches of time, else rows in order. */
export function requestUnits({ arrivalNs, session, count }: Workload): Units {
  const isTimed = !arrivalNs.some(Number.isNaN) && arrivalNs[count - 1] > arrivalNs[0]
  if (isTimed) return stretches(arrivalNs)
  return session === null || session.every((number) => number < 0) ? parts(count) : sessionGroups(session)
}

/** Sums of `width` quantities in each unit. */
export class UnitSums {
  readonly #sums: Float64Array
  readonly #units: Units
  readonly #width: number

  constructor(units: Units, width: number) {
    this.#units = units
    this.#width = width
    this.#sums = new Float64Array(units.count * width)
  }

  add(row: number, values: readonly number[]): void {
    this.addTo(this.#units.of(row), values)
  }

  addTo(unit: number, values: readonly number[]): void {
    const start = unit * this.#width
    for (let k = 0; k < this.#width; k++) this.#sums[start + k] += values[k]
  }

  totals(): Float64Array {
    const all = new Float64Array(this.#width)
    for (let at = 0; at < this.#sums.length; at++) all[at % this.#width] += this.#sums[at]
    return all
  }

  /** Standard error of `statistic`, a smooth function of the totals; NaN where a unit left out leaves nothing to count. */
  error(statistic: (totals: Float64Array) => number): number {
    const all = this.totals()
    const n = this.#units.count
    const left = new Float64Array(this.#width)
    const values = Array.from({ length: n }, (_, unit) => {
      for (let k = 0; k < this.#width; k++) left[k] = all[k] - this.#sums[unit * this.#width + k]
      return statistic(left)
    })
    const mean = values.reduce((sum, value) => sum + value, 0) / n
    return Math.sqrt(((n - 1) / n) * values.reduce((sum, value) => sum + (value - mean) ** 2, 0))
  }
}

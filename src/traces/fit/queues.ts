/**
 * How a queue lives through a trace: what a look-alike must have in common with the file beyond its statistics. Servers that work off tokens one
 * request after the other, from hardly busy to busy, see clumps of arrivals and of long requests together, whatever the reason they have.
 */
import { quantile } from '../statistics/distribution.js'
import type { Workload } from '../workload.js'

/** Share of the time that the servers are busy. */
const BUSY = [0.1, 0.2, 0.4]
const QUANTILES = [0.5, 0.9, 0.99]

/**
 * Quantiles of the tokens that are before the server when a request has come, its own included, in mean requests: of a server of inputs and one of outputs
 * at each of BUSY. `workload`: two or more requests with times of their own, not all at one time.
 */
export function queueFigures({ isl, osl, arrivalNs, count }: Workload): number[] {
  const durationNs = arrivalNs[count - 1] - arrivalNs[0]
  return [isl, osl].flatMap((tokens) => {
    const mean = tokens.reduce((sum, value) => sum + value, 0) / count
    return BUSY.flatMap((busy) => {
      const perNs = count / (busy * durationNs)
      const found = new Float64Array(count)
      let waiting = 0
      for (let i = 0; i < count; i++) {
        waiting = Math.max(0, waiting - (i === 0 ? 0 : arrivalNs[i] - arrivalNs[i - 1]) * perNs) + tokens[i] / mean
        found[i] = waiting
      }
      found.sort()
      return QUANTILES.map((q) => quantile(found, q))
    })
  })
}

/** What a deviation of a server of inputs counts against one of outputs: prompts wait for each other, answers are written side by side. */
const INPUTS_COUNT = 2

/** Root mean square of the logarithms of the ratios of two lists of figures. */
export function queueDistance(a: readonly number[], b: readonly number[]): number {
  const inputs = a.length / 2
  const squares = a.map((value, i) => ((i < inputs ? INPUTS_COUNT : 1) * Math.log(b[i] / value)) ** 2)
  return Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / a.length)
}

/**
 * Who was inside when, in bins of time instead of one entry per request: memory does not grow with the number of requests. Bins double their
 * width whenever a time lies beyond the last one, so at least half of them cover the run; within a bin things are taken to be even.
 */

const BINS = 8192
/** Width of the first bins, ns: a power of two, so that doubling is exact. */
const FIRST_WIDTH_NS = 2 ** 16

export interface Presence {
  /** A request that arrived at `arrivalNs` >= 0 and left at `leftNs` (NaN: it is still inside). `completed`: it got its answer. `counted`: its leaving matters for `leftShare`. */
  add(arrivalNs: number, leftNs: number, completed: boolean, counted: boolean): void
  /** Integral of the number of requests inside over [fromNs, toNs], request-ns. */
  insideNs(fromNs: number, toNs: number): number
  /** Arrivals in [fromNs, toNs]. */
  arrivals(fromNs: number, toNs: number): number
  /** Mean time inside of the completed requests that arrived in [fromNs, toNs); 0 without any. */
  meanLifeNs(fromNs: number, toNs: number): number
  /**
   * Mean time inside of whoever of these is found inside at a random moment, E[life^2] / E[life]: the longer a request stays the likelier it is
   * met. Equals the mean where all lives are equal; 0 without any.
   */
  metLifeNs(fromNs: number, toNs: number): number
  /** When `share` of the counted requests had left; who is still inside left at `endNs`. */
  leftShare(share: number, endNs: number): number
}

/** Each two bins become one, and the rest are empty. */
function joinPairs(values: Float64Array): void {
  for (let bin = 0; bin < BINS / 2; bin++) values[bin] = values[2 * bin] + values[2 * bin + 1]
  values.fill(0, BINS / 2)
}

export function createPresence(): Presence {
  let widthNs = FIRST_WIDTH_NS
  const column = () => new Float64Array(BINS)
  const arrived = column()
  /** Sums of the times from the beginning of the bin. */
  const arrivedNs = column()
  const left = column()
  const leftNs = column()
  const completed = column()
  const lifeNs = column()
  const squaredLifeNs = column()
  const countedLeft = column()
  let counted = 0

  const double = (): void => {
    // in a bin twice as wide the times of its second half count from earlier
    for (let bin = 1; bin < BINS; bin += 2) {
      arrivedNs[bin] += arrived[bin] * widthNs
      leftNs[bin] += left[bin] * widthNs
    }
    for (const values of [arrived, arrivedNs, left, leftNs, completed, lifeNs, squaredLifeNs, countedLeft]) joinPairs(values)
    widthNs *= 2
  }
  const binOf = (timeNs: number): number => {
    while (timeNs >= BINS * widthNs) double()
    return Math.floor(timeNs / widthNs)
  }
  /** Sum of a column over [0, timeNs], even within a bin. */
  const upTo = (values: Float64Array, timeNs: number): number => {
    const last = Math.min(BINS, timeNs / widthNs)
    let sum = 0
    for (let bin = 0; bin + 1 <= last; bin++) sum += values[bin]
    return last < BINS ? sum + values[Math.floor(last)] * (last % 1) : sum
  }
  const insideUpTo = (timeNs: number): number => {
    let inside = 0
    let sum = 0
    for (let bin = 0; bin < BINS && bin * widthNs < timeNs; bin++) {
      const all = inside * widthNs + (arrived[bin] * widthNs - arrivedNs[bin]) - (left[bin] * widthNs - leftNs[bin])
      sum += all * Math.min(1, (timeNs - bin * widthNs) / widthNs)
      inside += arrived[bin] - left[bin]
    }
    return sum + inside * Math.max(0, timeNs - BINS * widthNs)
  }
  const between = (values: Float64Array, fromNs: number, toNs: number): number => upTo(values, toNs) - upTo(values, fromNs)

  return {
    add(arrivalNs, leaveNs, isCompleted, isCounted) {
      // the later time first: it may widen the bins
      if (isCounted) counted++
      if (leaveNs >= 0) {
        const bin = binOf(leaveNs)
        left[bin]++
        leftNs[bin] += leaveNs - bin * widthNs
        if (isCounted) countedLeft[bin]++
      }
      const bin = binOf(arrivalNs)
      arrived[bin]++
      arrivedNs[bin] += arrivalNs - bin * widthNs
      if (!isCompleted) return
      completed[bin]++
      lifeNs[bin] += leaveNs - arrivalNs
      squaredLifeNs[bin] += (leaveNs - arrivalNs) ** 2
    },
    insideNs: (fromNs, toNs) => insideUpTo(toNs) - insideUpTo(fromNs),
    arrivals: (fromNs, toNs) => between(arrived, fromNs, toNs),
    meanLifeNs(fromNs, toNs) {
      const requests = between(completed, fromNs, toNs)
      return requests > 0 ? between(lifeNs, fromNs, toNs) / requests : 0
    },
    metLifeNs(fromNs, toNs) {
      const sumNs = between(lifeNs, fromNs, toNs)
      return sumNs > 0 ? between(squaredLifeNs, fromNs, toNs) / sumNs : 0
    },
    leftShare(share, endNs) {
      let due = share * counted
      for (let bin = 0; bin < BINS; bin++) {
        if (countedLeft[bin] >= due && due > 0) return Math.min(endNs, (bin + due / countedLeft[bin]) * widthNs)
        due -= countedLeft[bin]
      }
      return endNs
    },
  }
}

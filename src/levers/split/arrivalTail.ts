/**
 * The end of a launch in arrival order with more pieces than slots. Lengths are independent of arrival, so the launch is a renewal process:
 * P of the N pieces start at once, and each one that ends starts the next, until none is left at V = E (bytes that a running piece has
 * streamed since the launch began). In the mean
 *
 *   launched(V) = P F(V) + integral of launched'(u) F(V - u) du,   launched(E) = N - P,
 *
 * F being the share of pieces of at most so many bytes; solved cell by cell, and exact in the mean for any number of waves, near-equal
 * sizes included. Of what runs at E, n(x) pieces need more than x bytes, and some do with the chance that the requests whose pieces
 * started together are not all through.
 */
import type { PieceSizes } from './makespan.js'

/** Cells from the launch to about half a piece beyond the evenly filled end; the most that are tried when long pieces delay it. */
const CELLS = 4
const MOST_CELLS = 6 * CELLS
/** Nodes of the quadrature over what is left at E. */
const NODES = 10
/** Part of the few pieces of one request that still run together at the end; of many less, as slots come free one by one. Set on draws of seed 1. */
const TOGETHER_SHARE = 0.7
/** Logarithm of the chance below which nothing is said to run. */
const NEVER = -8

/** Scratch of one call: launches per byte in each cell, and for each edge of a cell the pieces that are longer than a node lies beyond it. */
const density = new Float64Array(MOST_CELLS + 1)
const above = new Float64Array(MOST_CELLS + 2)
const excess = new Float64Array(MOST_CELLS + 2)
const edgeBytes = new Float64Array(MOST_CELLS + 2)
const edgeWeight = new Float64Array(MOST_CELLS + 2)
const edgeGroup = new Int32Array(MOST_CELLS + 2)

/** Bytes lost after E for want of pieces to run: integral of (chance that any runs) - n(x) / S, where n(x) < S = `saturation`. */
export function arrivalTailBytes(sizes: PieceSizes, slots: number, saturation: number): number {
  const { groups, bytes, count, pieces, together } = sizes
  const longest = bytes[groups - 1]
  const cells = solveLaunches(sizes, slots)
  const lastWeight = edgeWeight[cells]
  const step = longest / NODES
  // the last edge is E itself, which all nodes need: candidates, their bytes and their companions are kept apart from the other edges
  let lastGroup = groups - 1
  let candidates = 0
  let candidateBytes = 0
  let company = 0
  let nearest = cells
  let tail = 0
  above[0] = 0
  for (let node = NODES - 1; node >= 0; node--) {
    const x = (node + 0.5) * step
    // edges so far back that no piece reaches from them beyond x, two of three, add nothing: a quarter of the time of this function
    while (nearest > 0 && x + edgeBytes[nearest - 1] < longest) {
      nearest--
      edgeGroup[nearest] = groups - 1
      above[nearest] = 0
      excess[nearest] = 0
    }
    let running = 0
    for (let b = nearest; b < cells; b++) {
      const y = x + edgeBytes[b]
      let group = edgeGroup[b]
      let longer = above[b]
      let longerBytes = excess[b]
      for (; group >= 0 && bytes[group] > y; group--) {
        longer += count[group]
        longerBytes += count[group] * bytes[group]
      }
      edgeGroup[b] = group
      above[b] = longer
      excess[b] = longerBytes
      running += edgeWeight[b] * (longerBytes - y * longer)
    }
    for (; lastGroup >= 0 && bytes[lastGroup] > x; lastGroup--) {
      candidates += count[lastGroup]
      candidateBytes += count[lastGroup] * bytes[lastGroup]
      company += count[lastGroup] * together[lastGroup]
    }
    running = (running + lastWeight * (candidateBytes - x * candidates) + slots * above[0]) / pieces
    if (running >= saturation) break
    if (candidates === 0) continue
    const companions = company / candidates
    const requests = candidates / (1 + ((companions - 1) * TOGETHER_SHARE * slots) / (slots + companions))
    const share = running / candidates
    // the logarithm of 1 - share is below -share, so where that is enough it need not be taken
    const log = share < 1 && requests * share < -NEVER ? requests * Math.log(1 - share) : NEVER
    const gap = (log > NEVER ? 1 - Math.exp(log) : 1) - running / saturation
    if (gap > 0) tail += gap * step
  }
  // as a sum, so that it is not boxed in every round for the sake of being returned: 6 % of the time of this function
  return tail + 0
}

/**
 * Solves the renewal equation. Leaves, for each edge V of the cells up to E, its distance E - V and its weight in n(x): with G(y) the bytes
 * beyond y of all pieces, a cell of density d from V to V' adds d (G(x + E - V') - G(x + E - V)) / N. Returns the number of cells.
 */
function solveLaunches({ groups, bytes, count, pieces }: PieceSizes, slots: number): number {
  const wanted = pieces - slots
  let countAbove = 0
  let bytesAbove = 0
  for (let j = 0; j < groups; j++) {
    countAbove += count[j]
    bytesAbove += count[j] * bytes[j]
  }
  const level = (wanted * bytesAbove) / (pieces * slots)
  const width = (level + (0.5 * bytesAbove) / pieces) / CELLS
  // above and excess: pieces longer than k cells, and their bytes beyond
  above[0] = countAbove
  excess[0] = bytesAbove
  let group = 0
  let launched = 0
  let cells = 0
  let last = width
  while (cells < MOST_CELLS) {
    const k = cells + 1
    const y = k * width
    while (group < groups && bytes[group] <= y) {
      countAbove -= count[group]
      bytesAbove -= count[group] * bytes[group]
      group++
    }
    above[k] = countAbove
    excess[k] = bytesAbove - y * countAbove
    let ended = slots * (pieces - countAbove)
    for (let j = 1; j < k; j++) ended += density[j - 1] * (pieces * width - excess[k - j] + excess[k - j + 1])
    const rate = Math.max(0, (ended - launched * pieces) / (excess[0] - excess[1]))
    density[cells++] = rate
    if (launched + rate * width >= wanted) {
      last = (wanted - launched) / rate
      break
    }
    launched += rate * width
  }
  const end = (cells - 1) * width + last
  for (let b = 0; b <= cells; b++) {
    edgeBytes[b] = b === cells ? 0 : end - b * width
    edgeWeight[b] = (b > 0 ? density[b - 1] : 0) - (b < cells ? density[b] : 0)
  }
  return cells
}

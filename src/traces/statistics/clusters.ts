/** Kinds of request: groups of like shape, by k-means on the logarithms of input and output length. */
import { type Rng, stream } from '../../rng.js'

export interface ShapeCluster {
  /** Share (0..1) of the requests. */
  readonly share: number
  /** Geometric mean lengths of its requests, tokens. */
  readonly isl: number
  readonly osl: number
}

/** Requests looked at: drawn from a longer trace, since every so-manieth would be deceived by a trace that repeats itself. */
const SAMPLE = 4000
const MOST_CLUSTERS = 6
const ROUNDS = 30
/** Lloyd's algorithm ends in a local optimum: the best of some. */
const STARTS = 5
/** Mean silhouette from which a division is a reasonable structure (L. Kaufman and P. Rousseeuw, Finding Groups in Data, 1990, table 4). */
const REASONABLE = 0.5

interface Division {
  readonly centres: readonly (readonly [number, number])[]
  readonly members: Int32Array
}

/**
 * The division into 2 to 6 clusters of the highest mean silhouette (simplified: distances to centres), or one cluster when none reaches
 * 0.5. Biggest first. The draws of the first centres are seeded, so the same lengths give the same clusters.
 */
export function shapeClusters(isl: Int32Array, osl: Int32Array): ShapeCluster[] {
  const n = Math.min(isl.length, SAMPLE)
  const rng = stream(1, 'shape clusters/sample')
  const rows = Int32Array.from({ length: n }, (_, i) => (n === isl.length ? i : rng.integer(isl.length)))
  const x = Float64Array.from(rows, (row) => Math.log(isl[row]))
  const y = Float64Array.from(rows, (row) => Math.log(osl[row]))
  let best: Division = { centres: [centreOf(x, y, () => true)], members: new Int32Array(n) }
  let bestSilhouette = REASONABLE
  for (let k = 2; k <= Math.min(MOST_CLUSTERS, n); k++) {
    const division = bestOfSome(x, y, k)
    const silhouette = meanSilhouette(x, y, division)
    if (silhouette <= bestSilhouette) continue
    best = division
    bestSilhouette = silhouette
  }
  return best.centres
    .map(([centreX, centreY], c) => ({
      share: best.members.filter((member) => member === c).length / n,
      isl: Math.exp(centreX),
      osl: Math.exp(centreY),
    }))
    .filter(({ share }) => share > 0)
    .sort((a, b) => b.share - a.share)
}

function bestOfSome(x: Float64Array, y: Float64Array, k: number): Division {
  const rng = stream(1, `shape clusters/${k}`)
  const tried = Array.from({ length: STARTS }, () => kMeans(x, y, k, rng))
  const spread = tried.map(({ centres }) => x.reduce((sum, value, i) => sum + nearestTwo(value, y[i], centres).distance ** 2, 0))
  return tried[spread.indexOf(Math.min(...spread))]
}

/** Lloyd's algorithm from centres drawn far from each other (k-means++; D. Arthur and S. Vassilvitskii, SODA 2007). */
function kMeans(x: Float64Array, y: Float64Array, k: number, rng: Rng): Division {
  let centres = firstCentres(x, y, k, rng)
  const members = new Int32Array(x.length)
  for (let round = 0; round < ROUNDS; round++) {
    let moved = false
    for (let i = 0; i < x.length; i++) {
      const nearest = nearestTwo(x[i], y[i], centres).nearest
      if (nearest !== members[i]) moved = true
      members[i] = nearest
    }
    if (!moved && round > 0) break
    centres = centres.map((centre, c) => (members.includes(c) ? centreOf(x, y, (i) => members[i] === c) : centre))
  }
  return { centres, members }
}

function firstCentres(x: Float64Array, y: Float64Array, k: number, rng: Rng): [number, number][] {
  const first = rng.integer(x.length)
  const centres: [number, number][] = [[x[first], y[first]]]
  while (centres.length < k) {
    const squares = Float64Array.from(x, (value, i) => nearestTwo(value, y[i], centres).distance ** 2)
    let left = rng.uniform() * squares.reduce((a, b) => a + b, 0)
    let i = 0
    while (i < x.length - 1 && left >= squares[i]) left -= squares[i++]
    centres.push([x[i], y[i]])
  }
  return centres
}

function centreOf(x: Float64Array, y: Float64Array, isMember: (i: number) => boolean): [number, number] {
  let n = 0
  let sumX = 0
  let sumY = 0
  for (let i = 0; i < x.length; i++) {
    if (!isMember(i)) continue
    n++
    sumX += x[i]
    sumY += y[i]
  }
  return [sumX / n, sumY / n]
}

/** The nearest centre, its distance and that of the next one (Infinity when there is none). */
function nearestTwo(x: number, y: number, centres: readonly (readonly [number, number])[]) {
  let nearest = 0
  let distance = Number.POSITIVE_INFINITY
  let next = Number.POSITIVE_INFINITY
  for (let c = 0; c < centres.length; c++) {
    const own = Math.hypot(x - centres[c][0], y - centres[c][1])
    if (own < distance) {
      next = distance
      distance = own
      nearest = c
    } else if (own < next) next = own
  }
  return { nearest, distance, next }
}

function meanSilhouette(x: Float64Array, y: Float64Array, { centres }: Division): number {
  let sum = 0
  for (let i = 0; i < x.length; i++) {
    const { distance, next } = nearestTwo(x[i], y[i], centres)
    if (next > 0) sum += 1 - distance / next
  }
  return sum / x.length
}

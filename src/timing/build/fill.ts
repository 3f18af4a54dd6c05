/**
 * Holes of the measured grids. A missing time is estimated by interpolation along each axis, either of the times of the site
 * itself or of their ratio to a relative (the same site on the other system, or a neighbour along a site column), which carries
 * the relative's steps over. A missing site is estimated likewise between its neighbours. The estimates are averaged in logs,
 * each weighted by the inverse of its squared error where the truth is known: the median deviation over all measured times of a
 * kind, each predicted without itself. No estimate reads KV faster than the fastest measured row of its kind.
 */
import { grouped } from '../../collections/grouped.js'
import type { MeasuredSystem } from '../../hardware/system.js'
import type { Measured } from './measured.js'

/** A smaller error than this is luck: repeated measurements differ by about 1 % (natural log). */
const SMALLEST_ERROR = 0.005
/** Of a normal distribution. */
const SIGMA_PER_MEDIAN_DEVIATION = 1.4826

/** Neighbours of each site along the columns of a kin; -1 = none. */
export interface Neighbours {
  readonly below: Int32Array
  readonly above: Int32Array
  /** Natural log of the column; null for names, which have one other value (`above`) and no order. */
  readonly logValues: Float64Array | null
}

function neighbours(sites: Measured['sites'], columns: readonly string[], kin: string | readonly string[]): Neighbours {
  const moving = new Set((typeof kin === 'string' ? [kin] : kin).map((column) => columns.indexOf(column)))
  const first = Math.min(...moving)
  const indices = sites.map((_, i) => i)
  const groups = grouped(indices, (i) => sites[i].filter((_, column) => !moving.has(column)).join('/'))
  const numeric = sites.every((site) => Number.isFinite(Number(site[first])))
  const below = new Int32Array(sites.length).fill(-1)
  const above = new Int32Array(sites.length).fill(-1)
  for (const group of groups.values()) {
    group.sort((a, b) => (numeric ? Number(sites[a][first]) - Number(sites[b][first]) : a - b))
    group.forEach((site, i) => {
      above[site] = group[i + 1] ?? (numeric || group.length < 2 ? -1 : group[0])
      below[site] = numeric ? (group[i - 1] ?? -1) : -1
    })
  }
  return { below, above, logValues: numeric ? Float64Array.from(sites, (site) => Math.log(Number(site[first]))) : null }
}

/**
 * Estimates along one line: `base` + interpolation of (own - base) between the nearest known sizes on both sides, the size itself
 * left out; NaN where one side has none. `base` null = 0.
 */
export function estimateLine(
  own: Float64Array,
  base: Float64Array | null,
  ownStart: number,
  baseStart: number,
  stride: number,
  logSizes: Float64Array,
  out: Float64Array,
): void {
  const count = logSizes.length
  const deviation = (i: number): number => own[ownStart + i * stride] - (base ? base[baseStart + i * stride] : 0)
  let left = -1
  let right = 0
  for (let i = 0; i < count; i++) {
    if (right <= i) {
      right = i + 1
      while (right < count && Number.isNaN(deviation(right))) right++
    }
    const at = ownStart + i * stride
    if (left < 0 || right >= count) out[at] = Number.NaN
    else {
      const low = deviation(left)
      const share = (logSizes[i] - logSizes[left]) / (logSizes[right] - logSizes[left])
      out[at] = low + (deviation(right) - low) * share + (base ? base[baseStart + i * stride] : 0)
    }
    if (!Number.isNaN(deviation(i))) left = i
  }
}

/** Estimates of all cells of a site from its two neighbours along a number; `base` as above. */
function estimateBetween(
  own: Float64Array,
  base: Float64Array | null,
  { below, above, logValues }: Neighbours,
  cells: number,
  out: Float64Array,
): void {
  out.fill(Number.NaN)
  if (!logValues) return
  const deviation = (at: number): number => own[at] - (base ? base[at] : 0)
  for (let site = 0; site < below.length; site++) {
    if (below[site] < 0 || above[site] < 0) continue
    const [low, high] = [logValues[below[site]], logValues[above[site]]]
    const share = (logValues[site] - low) / (high - low)
    for (let cell = 0; cell < cells; cell++) {
      const start = deviation(below[site] * cells + cell)
      const at = site * cells + cell
      out[at] = start + (deviation(above[site] * cells + cell) - start) * share + (base ? base[at] : 0)
    }
  }
}

/** Typical error of an estimate where the truth is known, by kind of site. */
function errorsByKind(own: Float64Array, estimate: Float64Array, cells: number, kinds: readonly string[]): Map<string, number> {
  const known = [...own.keys()].filter((at) => !Number.isNaN(own[at] - estimate[at]))
  return new Map(
    [...grouped(known, (at) => kinds[Math.floor(at / cells)])].map(([kind, places]) => {
      const sorted = Float64Array.from(places, (at) => Math.abs(own[at] - estimate[at])).sort()
      return [kind, Math.max(SMALLEST_ERROR, SIGMA_PER_MEDIAN_DEVIATION * sorted[sorted.length >> 1])]
    }),
  )
}

/** Running weighted mean of the estimates of every cell. */
interface Mean {
  readonly sum: Float64Array
  readonly weights: Float64Array
}

function add({ sum, weights }: Mean, own: Float64Array, estimate: Float64Array, cells: number, kinds: readonly string[]): void {
  const errors = errorsByKind(own, estimate, cells, kinds)
  for (let at = 0; at < own.length; at++) {
    if (Number.isNaN(estimate[at])) continue
    const error = errors.get(kinds[Math.floor(at / cells)])
    if (error === undefined) continue
    sum[at] += estimate[at] / error ** 2
    weights[at] += 1 / error ** 2
  }
}

interface Grid {
  readonly sizes: readonly Float64Array[]
  /** Cells of a site. */
  readonly cells: number
  readonly kinds: readonly string[]
  readonly kin: readonly Neighbours[]
}

function gridOf({ sites, grid, family }: Measured): Grid {
  const sizes = grid.map((axis) => Float64Array.from(axis, Math.log))
  const kindAt = family.kind ? family.site.indexOf(family.kind) : -1
  return {
    sizes,
    cells: sizes.reduce((product, axis) => product * axis.length, 1),
    kinds: sites.map((site) => (kindAt < 0 ? '' : site[kindAt])),
    kin: family.kin.map((columns) => neighbours(sites, family.site, columns)),
  }
}

const noMean = (length: number): Mean => ({ sum: new Float64Array(length), weights: new Float64Array(length) })

/** Estimates of every cell along the axes of its own site. */
function alongAxes({ sizes, cells, kinds, kin }: Grid, own: Float64Array, other: Float64Array | undefined): Mean {
  const same = Int32Array.from(kinds, (_, i) => i)
  const sources: { base: Float64Array | null; from: Int32Array }[] = [
    { base: null, from: same },
    ...(other ? [{ base: other, from: same }] : []),
    ...kin.flatMap(({ below, above, logValues }) => (logValues ? [below, above] : [above])).map((from) => ({ base: own, from })),
  ]
  const mean = noMean(own.length)
  const estimate = new Float64Array(own.length)
  for (const { base, from } of sources) {
    for (let axis = 0; axis < sizes.length; axis++) {
      const stride = sizes.slice(axis + 1).reduce((product, list) => product * list.length, 1)
      const lines = cells / sizes[axis].length
      estimate.fill(Number.NaN)
      for (let site = 0; site < kinds.length; site++) {
        if (from[site] < 0) continue
        for (let line = 0; line < lines; line++) {
          const start = Math.floor(line / stride) * stride * sizes[axis].length + (line % stride)
          estimateLine(own, base, site * cells + start, from[site] * cells + start, stride, sizes[axis], estimate)
        }
      }
      add(mean, own, estimate, cells, kinds)
    }
  }
  return mean
}

/** Estimates of every cell from the sites around its own. */
function betweenSites({ cells, kinds, kin }: Grid, own: Float64Array, other: Float64Array): Mean {
  const mean = noMean(own.length)
  const estimate = new Float64Array(own.length)
  for (const one of kin) {
    for (const base of [null, other]) {
      estimateBetween(own, base, one, cells, estimate)
      add(mean, own, estimate, cells, kinds)
    }
  }
  return mean
}

/** The sizes between the first and the last measured one of a curve along the last axis; nothing beyond. */
function fillCurves(grid: Grid, own: Float64Array, other: Float64Array | undefined): Float64Array {
  const { sum, weights } = alongAxes(grid, own, other)
  const filled = Float64Array.from(own)
  const length = grid.sizes[grid.sizes.length - 1].length
  for (let start = 0; start < own.length; start += length) {
    const curve = own.subarray(start, start + length)
    const last = curve.findLastIndex((value) => !Number.isNaN(value))
    let at = start + curve.findIndex((value) => !Number.isNaN(value))
    for (; at < start + last; at++) if (Number.isNaN(own[at]) && weights[at] > 0) filled[at] = sum[at] / weights[at]
  }
  return filled
}

/** Sites that only the other system has, where it has times. */
function fillSites(grid: Grid, own: Float64Array, other: Float64Array): Float64Array {
  const { cells, kinds } = grid
  const missing = kinds.map((_, site) => own.subarray(site * cells, (site + 1) * cells).every(Number.isNaN))
  if (!missing.includes(true)) return own
  const { sum, weights } = betweenSites(grid, own, other)
  return own.map((us, at) =>
    missing[Math.floor(at / cells)] && weights[at] > 0 && !Number.isNaN(other[at]) ? sum[at] / weights[at] : us,
  )
}

/** Holes of decode attention read their KV no faster than the fastest measured row like them: ratios to a disturbed row promised more than the memory gives. */
function boundReads({ family, sites }: Measured, { sizes, cells }: Grid, own: Float64Array, filled: Float64Array): Float64Array {
  const { reads } = family
  if (!reads) return filled
  const columnOf = (site: number, name: string): string => sites[site][family.site.indexOf(name)]
  const logReads = (at: number): number => {
    const [site, cell] = [Math.floor(at / cells), at % cells]
    const heads = reads.heads ? Math.log(Number(columnOf(site, reads.heads))) : 0
    return heads + sizes[0][Math.floor(cell / sizes[1].length)] + sizes[1][cell % sizes[1].length]
  }
  const kinds = sites.map((_, site) => reads.like.map((name) => columnOf(site, name)).join('/'))
  const least = new Map<string, number>()
  own.forEach((us, at) => {
    const kind = kinds[Math.floor(at / cells)]
    if (!Number.isNaN(us)) least.set(kind, Math.min(least.get(kind) ?? Number.POSITIVE_INFINITY, us - logReads(at)))
  })
  return filled.map((us, at) =>
    Number.isNaN(own[at]) ? Math.max(us, (least.get(kinds[Math.floor(at / cells)]) as number) + logReads(at)) : us,
  )
}

/** The measured grids without holes. */
export function fill(measured: Measured): Measured {
  const grid = gridOf(measured)
  const otherOf = (logUs: Measured['logUs'], system: MeasuredSystem): Float64Array | undefined =>
    [...logUs].find(([name]) => name !== system)?.[1]
  const curves = new Map(
    [...measured.logUs].map(([system, own]) => [
      system,
      boundReads(measured, grid, own, fillCurves(grid, own, otherOf(measured.logUs, system))),
    ]),
  )
  const logUs = new Map(
    [...curves].map(([system, own]) => {
      const other = otherOf(curves, system)
      return [system, other ? fillSites(grid, own, other) : own]
    }),
  )
  return { ...measured, logUs }
}

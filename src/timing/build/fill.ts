/**
 * Holes of the measured grids. Every estimate of a missing time is an interpolation along one axis, either of the times of the site itself
 * or of their ratio to a relative (the same site on the other system, or its neighbour along a site column), which carries the relative's
 * steps over. The estimates of a hole are averaged in logs, each weighted by the inverse of its squared error where the truth is known:
 * the median deviation over all measured times of that kind, each predicted without itself.
 */
import { TIMING_SYSTEMS } from '../kernels/families.js'
import type { Measured } from './measured.js'

/** A smaller error than this is luck: repeated measurements differ by about 1 % (natural log). */
const SMALLEST_ERROR = 0.005
const SIGMA_PER_MEDIAN_DEVIATION = 1.4826

const logsOf = (sizes: readonly number[]): Float64Array => Float64Array.from(sizes, Math.log)

/** Site indexes below and above along the columns of a kin (numbers), or the next other value (names); -1 = none. */
export function relatives(sites: Measured['sites'], columns: readonly string[], kin: string | readonly string[]): Int32Array[] {
  const moving = new Set((typeof kin === 'string' ? [kin] : kin).map((column) => columns.indexOf(column)))
  const first = Math.min(...moving)
  const groups = new Map<string, number[]>()
  sites.forEach((site, i) => {
    const key = site.filter((_, column) => !moving.has(column)).join('/')
    groups.set(key, [...(groups.get(key) ?? []), i])
  })
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
  return numeric ? [below, above] : [above]
}

/**
 * Estimates along one line: `base` + interpolation of (own - base) between the nearest known sizes on both sides, the size itself left
 * out; NaN where one side has none. `base` null = 0.
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

/** Root-mean-square stand-in of the errors of an estimate, by kind of site. */
function errorsByKind(own: Float64Array, estimate: Float64Array, cells: number, kinds: readonly string[]): Map<string, number> {
  const errors = new Map<string, number[]>()
  for (let at = 0; at < own.length; at++) {
    const error = Math.abs(own[at] - estimate[at])
    if (Number.isNaN(error)) continue
    const kind = kinds[Math.floor(at / cells)]
    const list = errors.get(kind)
    if (list) list.push(error)
    else errors.set(kind, [error])
  }
  return new Map(
    [...errors].map(([kind, list]) => {
      const sorted = Float64Array.from(list).sort()
      return [kind, Math.max(SMALLEST_ERROR, SIGMA_PER_MEDIAN_DEVIATION * sorted[sorted.length >> 1])]
    }),
  )
}

/** The sizes between the first and the last measured one of a curve along the last axis are filled; nothing beyond. */
function fillCurves(measured: Measured, own: Float64Array, other: Float64Array | undefined): Float64Array {
  const { sites, grid, family } = measured
  const sizes = grid.map(logsOf)
  const cells = sizes.reduce((product, axis) => product * axis.length, 1)
  const kindAt = family.kind ? family.site.indexOf(family.kind) : -1
  const kinds = sites.map((site) => (kindAt < 0 ? '' : site[kindAt]))
  const same = Int32Array.from(sites, (_, i) => i)
  const sources: { base: Float64Array | null; from: Int32Array }[] = [
    { base: null, from: same },
    ...(other ? [{ base: other, from: same }] : []),
    ...family.kin.flatMap((kin) => relatives(sites, family.site, kin)).map((from) => ({ base: own, from })),
  ]
  const sum = new Float64Array(own.length)
  const weights = new Float64Array(own.length)
  const estimate = new Float64Array(own.length)
  for (const { base, from } of sources) {
    for (let axis = 0; axis < sizes.length; axis++) {
      const stride = sizes.slice(axis + 1).reduce((product, list) => product * list.length, 1)
      const lines = cells / sizes[axis].length
      estimate.fill(Number.NaN)
      for (let site = 0; site < sites.length; site++) {
        if (from[site] < 0) continue
        for (let line = 0; line < lines; line++) {
          const start = Math.floor(line / stride) * stride * sizes[axis].length + (line % stride)
          estimateLine(own, base, site * cells + start, from[site] * cells + start, stride, sizes[axis], estimate)
        }
      }
      const errors = errorsByKind(own, estimate, cells, kinds)
      for (let at = 0; at < own.length; at++) {
        if (Number.isNaN(estimate[at])) continue
        const error = errors.get(kinds[Math.floor(at / cells)])
        if (error === undefined) continue
        sum[at] += estimate[at] / error ** 2
        weights[at] += 1 / error ** 2
      }
    }
  }
  const filled = Float64Array.from(own)
  const length = sizes[sizes.length - 1].length
  for (let start = 0; start < own.length; start += length) {
    const curve = own.subarray(start, start + length)
    const first = curve.findIndex((value) => !Number.isNaN(value))
    const last = curve.findLastIndex((value) => !Number.isNaN(value))
    for (let i = first + 1; first >= 0 && i < last; i++) {
      const at = start + i
      if (Number.isNaN(own[at]) && weights[at] > 0) filled[at] = sum[at] / weights[at]
    }
  }
  return filled
}

/** Sites missing as a whole: the other system's times, times the mean ratio of the systems at the neighbouring sites. */
function fillSites(measured: Measured, own: Float64Array, other: Float64Array): void {
  const { sites, family } = measured
  const cells = own.length / sites.length
  const source = Float64Array.from(own)
  const neighbours = family.kin.flatMap((kin) => relatives(sites, family.site, kin))
  for (let site = 0; site < sites.length; site++) {
    const start = site * cells
    if (!source.subarray(start, start + cells).every(Number.isNaN)) continue
    for (let cell = 0; cell < cells; cell++) {
      const ratios = neighbours
        .map((from) => source[from[site] * cells + cell] - other[from[site] * cells + cell])
        .filter((ratio) => !Number.isNaN(ratio))
      if (ratios.length > 0)
        own[start + cell] = other[start + cell] + ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length
    }
  }
}

/** The measured grids without holes. */
export function fill(measured: Measured): Measured {
  const filled = new Map(
    TIMING_SYSTEMS.flatMap((system) => {
      const own = measured.logUs.get(system)
      const other = measured.logUs.get(TIMING_SYSTEMS.find((name) => name !== system) as (typeof TIMING_SYSTEMS)[number])
      return own ? [[system, fillCurves(measured, own, other)] as const] : []
    }),
  )
  const [first, second] = TIMING_SYSTEMS.map((system) => filled.get(system))
  if (first && second) {
    const before = Float64Array.from(first)
    fillSites(measured, first, second)
    fillSites(measured, second, before)
  }
  return { ...measured, logUs: filled }
}

/** A GEMM shape from the (n, k) sites of the table: the site itself, or interpolated over n, then over k. */
import type { Gemm } from '../../models/operator.js'
import type { Slice } from '../slices.js'
import { rising } from './curve.js'
import { curveOf, sliceOf } from './slice.js'
import type { Sheet } from './table.js'

/** One weight type: k -> sites by n, both ascending. */
interface Row {
  readonly k: number
  readonly sites: readonly { readonly n: number; readonly name: string }[]
}

const rowsOfSheets = new WeakMap<Sheet, Map<string, readonly Row[]>>()

function rowsOf(sheet: Sheet, type: string): readonly Row[] {
  let types = rowsOfSheets.get(sheet)
  if (!types) {
    const byType = new Map<string, Map<number, { n: number; name: string }[]>>()
    for (const site of sheet.sites) {
      const [own, , n, k] = site
      const byK = byType.get(own) ?? new Map<number, { n: number; name: string }[]>()
      byType.set(own, byK)
      const ofK = byK.get(Number(k)) ?? []
      byK.set(Number(k), ofK)
      ofK.push({ n: Number(n), name: site.join('/') })
    }
    types = new Map(
      [...byType].map(([own, byK]) => [
        own,
        [...byK].sort((a, b) => a[0] - b[0]).map(([k, sites]) => ({ k, sites: sites.sort((a, b) => a.n - b.n) })),
      ]),
    )
    rowsOfSheets.set(sheet, types)
  }
  return types.get(type) ?? []
}

/** Neighbours of `value` in an ascending list and the share of the way (log scale). */
export function bracket(values: readonly number[], value: number): { low: number; high: number; share: number } {
  let high = values.findIndex((candidate) => candidate >= value)
  if (high < 0) high = values.length - 1
  if (values[high] <= value || high === 0) return { low: high, high, share: 0 }
  return { low: high - 1, high, share: Math.log(value / values[high - 1]) / Math.log(values[high] / values[high - 1]) }
}

/** Weighted mean of logs; a shape beyond all measured ones costs in proportion to its size. */
function between(low: Float64Array, high: Float64Array, share: number, beyond: number): Float64Array {
  const extra = Math.log(Math.max(1, beyond))
  return low.map((value, i) => value + (high[i] - value) * share + extra)
}

/** Natural log of us on the knots of the rows; null when the type was not measured. */
export function gemmBlock(sheet: Sheet, type: string, n: number, k: number): Float64Array | null {
  const rows = rowsOf(sheet, type)
  if (rows.length === 0) return null
  const alongN = ({ sites }: Row): Float64Array => {
    const widths = sites.map((site) => site.n)
    const { low, high, share } = bracket(widths, n)
    const lowest = sheet.block(sites[low].name) as Float64Array
    return between(lowest, low === high ? lowest : (sheet.block(sites[high].name) as Float64Array), share, n / widths[high])
  }
  const depths = rows.map((row) => row.k)
  const { low, high, share } = bracket(depths, k)
  const shallow = alongN(rows[low])
  return between(shallow, low === high ? shallow : alongN(rows[high]), share, k / depths[high])
}

/** What the times of a shape stand on: the shape itself is a site, lies between sites, or beyond all. */
function sourceOf(sheet: Sheet, type: string, n: number, k: number): Pick<Slice, 'evidence' | 'note'> {
  const rows = rowsOf(sheet, type)
  if (rows.some((row) => row.k === k && row.sites.some((site) => site.n === n))) return { evidence: 'measured', note: '' }
  const widest = Math.max(...rows.flatMap(({ sites }) => sites.map((site) => site.n)))
  const deepest = rows[rows.length - 1].k
  if (n <= widest && k <= deepest) return { evidence: 'interpolated', note: 'between measured shapes' }
  return { evidence: 'transferred', note: `in proportion beyond the measured ${n > widest ? `n ${widest}` : `k ${deepest}`}` }
}

/** The knots of the table serve as they are: they sit on both sides of the tile edges. Wider batches cost in proportion. */
export function gemmSlice(key: string, sheet: Sheet, { type, n, k }: Gemm): Slice | null {
  const block = gemmBlock(sheet, type, n, k)
  if (!block) return null
  const { x, us } = curveOf(sheet.logKnots[0], block)
  const last = x.length - 1
  const knots = [...x, 2 * x[last]]
  return sliceOf(key, [knots], [...rising(us, 1), 2 * Math.max(...us)], Math.floor(x[last]), sourceOf(sheet, type, n, k))
}

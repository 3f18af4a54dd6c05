/** A GEMM shape of a model from the measured (n, k) sites: interpolated along m at a site, then over n, then over k. */
import type { Gemm, GemmType } from '../../models/operators.js'
import { AXES } from '../knots.js'
import type { SliceSource } from '../slices.js'
import { blend, type Curve, curveOf, proportional, rising, timeAt } from './curve.js'
import type { Measured } from './measured.js'

/** One weight type: k -> sites by n, both ascending. */
type Sites = { readonly k: number; readonly sites: { readonly n: number; readonly curve: Curve }[] }[]

const sitesOf = new WeakMap<Measured, Map<GemmType, Sites>>()

function gemmSites(measured: Measured, type: GemmType): Sites {
  let types = sitesOf.get(measured)
  if (!types) {
    types = new Map()
    sitesOf.set(measured, types)
  }
  const known = types.get(type)
  if (known) return known
  const byK = new Map<number, { n: number; curve: Curve }[]>()
  for (const [name, points] of measured.gemm()) {
    const [siteType, k, n] = name.split('/')
    if (siteType !== type) continue
    const sites = byK.get(Number(k)) ?? []
    byK.set(Number(k), sites)
    sites.push({ n: Number(n), curve: curveOf(points) })
  }
  const sites = [...byK].sort((a, b) => a[0] - b[0]).map(([k, list]) => ({ k, sites: list.sort((a, b) => a.n - b.n) }))
  types.set(type, sites)
  return sites
}

/** Neighbours of `value` in an ascending list and the share of the way (log scale). */
function bracket(values: readonly number[], value: number): { low: number; high: number; share: number } {
  let high = values.findIndex((candidate) => candidate >= value)
  if (high < 0) high = values.length - 1
  if (values[high] <= value || high === 0) return { low: high, high, share: 0 }
  return { low: high - 1, high, share: Math.log(value / values[high - 1]) / Math.log(values[high] / values[high - 1]) }
}

export function makeGemm(key: string, operator: Gemm, measured: Measured): SliceSource | null {
  const all = gemmSites(measured, operator.type)
  if (all.length === 0) return null
  let exact = true

  function alongN(row: Sites[number], m: number): number {
    const widths = row.sites.map((site) => site.n)
    const { low, high, share } = bracket(widths, operator.n)
    if (widths[low] !== operator.n) exact = false
    const us = blend(timeAt(row.sites[low].curve, m, proportional), timeAt(row.sites[high].curve, m, proportional), share)
    // Wider than any measured site (vocabularies): in proportion to the width.
    return operator.n > widths[high] ? (us * operator.n) / widths[high] : us
  }

  const depths = all.map((row) => row.k)
  const { low, high, share } = bracket(depths, operator.k)
  if (depths[low] !== operator.k) exact = false
  const us = AXES.rows.map((m) => {
    const time = low === high ? alongN(all[low], m) : blend(alongN(all[low], m), alongN(all[high], m), share)
    return operator.k > depths[high] ? (time * operator.k) / depths[high] : time
  })
  return { key, axes: ['rows'], us: rising(us, 1), evidence: exact ? 'measured' : 'interpolated', reach: 32768 }
}

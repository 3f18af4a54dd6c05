/** Lines on prefix reuse: over as many requests of both traces, since a cache that starts cold fills up with time. */
import { pickRequests } from '../../columns.js'
import type { Workload } from '../../workload.js'
import { prefixStatistics } from '../prefixes.js'
import { absoluteLine, type ComparisonLine, notCompared, onlyOne } from './line.js'
import { requestUnits, UnitSums } from './units.js'

export function prefixLines(
  a: Workload,
  b: Workload,
  lruTokens: readonly number[],
  errors: (units: number) => number,
): ComparisonLine[] {
  if (a.runFirst === null && b.runFirst === null) return [notCompared('prefix reuse', 'neither trace has prefix blocks')]
  if (a.runFirst === null) return [onlyOne('prefix blocks', 'second')]
  if (b.runFirst === null) return [onlyOne('prefix blocks', 'first')]
  const count = Math.min(a.count, b.count)
  const first = beginning(a, count)
  const foundA = prefixStatistics(first, lruTokens)
  const foundB = prefixStatistics(beginning(b, count), lruTokens)
  if (foundA === null || foundB === null) return [notCompared('prefix reuse', 'one trace has no prefix blocks')]
  const units = requestUnits(first)
  const sums = new UnitSums(units, 2)
  for (let i = 0; i < count; i++) sums.add(i, [first.isl[i], foundA.hitTokens[i]])
  // an LRU cache hits less often than the ideal one, and not more unevenly
  const error = sums.error(([tokens, hits]) => hits / tokens) * Math.SQRT2
  const allowed = errors(units.count)
  return [
    absoluteLine('ideal hit rate', foundA.ideal.published, foundB.ideal.published, error, allowed),
    ...lruTokens.map((tokens, s) =>
      absoluteLine(`hit rate, LRU ${tokens / 1e6}M tokens`, foundA.lru[s].published, foundB.lru[s].published, error, allowed),
    ),
  ]
}

/** The first `count` requests. */
function beginning(workload: Workload, count: number): Workload {
  if (count === workload.count) return workload
  const rows = Uint32Array.from({ length: count }, (_, i) => i)
  return pickRequests(workload, rows, workload.arrivalNs.slice(0, count))
}

/** What policies gain over static ones on measured launches, and whether the model saw it coming. */
import { median } from 'simple-statistics'
import { grouped } from '../../collections/grouped.js'
import type { MeasuredRow } from './measuredRows.js'
import { geometricMean } from './simulated.js'

/** What a fixed setting can be: the same counts, and the rules of the occupancy alone, that the arm `tuned-static` tries. */
const COUNTS = /^(fixed-count\(\d+\)|occupancy-rule|k-waves\(\d+\))$/
const SIZES = /^fixed-size\(/
export const SHIPPED_RULE = 'occupancy-rule'
/** A gain smaller than this has no sign. */
const NO_SIGN = 0.02

/** A launch with the time that the model gives it. */
export interface JudgedRow {
  readonly row: MeasuredRow
  readonly modelNs: number
}

export interface Gain {
  readonly policy: string
  /** Time of the tuned count over that of the policy: median over the batches, and the worst batch. */
  readonly measured: number
  readonly worst: number
  readonly model: number
}

export interface FamilyGains {
  readonly family: string
  readonly batches: number
  /**
   * The fixed rule and the piece size that were fastest on the training launches of the family, by geometric mean. Where none was trained, the
   * shipped occupancy rule and no size.
   */
  readonly tunedCount: string
  readonly tunedSize: string | null
  readonly gains: readonly Gain[]
}

export interface GainTable {
  readonly families: readonly FamilyGains[]
  /** Families in which neither a trained count nor the occupancy rule was measured. */
  readonly notCompared: readonly string[]
  /** Cells of a policy and a family whose measured gain has a sign, and those of them where the model's has the same. */
  readonly signs: number
  readonly rightSigns: number
  /** Median over all cells of |model's gain / measured gain - 1|. */
  readonly error: number
}

export function gainsOf(judged: readonly JudgedRow[], train: readonly MeasuredRow[]): GainTable {
  const families: FamilyGains[] = []
  const notCompared: string[] = []
  for (const [family, some] of grouped(judged, ({ row }) => row.family)) {
    const batches = [...grouped(some, ({ row }) => row.batch).values()]
    const everywhere = [...new Set(some.map(({ row }) => row.rule))].filter((rule) =>
      batches.every((batch) => batch.some(({ row }) => row.rule === rule)),
    )
    const known = train.filter((row) => row.family === family)
    const tunedCount = fastest(known, everywhere, COUNTS) ?? (everywhere.includes(SHIPPED_RULE) ? SHIPPED_RULE : null)
    if (tunedCount === null) {
      notCompared.push(family)
      continue
    }
    const policies = everywhere.filter((rule) => !COUNTS.test(rule) && !SIZES.test(rule))
    const tunedSize = fastest(known, everywhere, SIZES)
    const compared = tunedSize === null ? policies : [tunedSize, ...policies]
    families.push({
      family,
      batches: batches.length,
      tunedCount,
      tunedSize,
      gains: compared.map((policy) => gainOf(policy, tunedCount, batches)),
    })
  }
  const cells = families.flatMap(({ gains }) => gains)
  const signed = cells.filter(({ measured }) => Math.abs(measured - 1) > NO_SIGN)
  return {
    families,
    notCompared,
    signs: signed.length,
    rightSigns: signed.filter(({ measured, model }) => (measured - 1) * (model - 1) > 0).length,
    error: cells.length === 0 ? 0 : median(cells.map(({ measured, model }) => Math.abs(model / measured - 1))),
  }
}

function gainOf(policy: string, count: string, batches: readonly (readonly JudgedRow[])[]): Gain {
  const pairs = batches.map((batch) => {
    const of = (rule: string) => batch.find(({ row }) => row.rule === rule) as JudgedRow
    const [older, newer] = [of(count), of(policy)]
    return { measured: older.row.measuredNs / newer.row.measuredNs, model: older.modelNs / newer.modelNs }
  })
  const measured = pairs.map((pair) => pair.measured)
  return { policy, measured: median(measured), worst: Math.min(...measured), model: median(pairs.map(({ model }) => model)) }
}

/** The rule of a kind with the least geometric mean of its times, on the training batches that have all of the kind; null when there are none. */
function fastest(train: readonly MeasuredRow[], everywhere: readonly string[], kind: RegExp): string | null {
  const rules = everywhere.filter((rule) => kind.test(rule))
  const batches = [...grouped(train, ({ batch }) => batch).values()]
    .map((batch) => new Map(batch.map(({ rule, measuredNs }) => [rule, measuredNs])))
    .filter((times) => rules.every((rule) => times.has(rule)))
  if (rules.length === 0 || batches.length === 0) return null
  const meanNs = (rule: string): number => geometricMean(batches.map((times) => times.get(rule) as number))
  return rules.reduce((best, rule) => (meanNs(rule) < meanNs(best) ? rule : best))
}

/**
 * What a reader did to a file: counts, assumptions and skipped rows, so that nothing is guessed or dropped in silence.
 */
import { type Fault, UserError } from '../errors.js'
import { NO_JSON, NOT_WHOLE, TIME_REMEDIES } from './fields.js'
import type { UnitlessTimes } from './units.js'

/** Rows of this share may be bad (skipped and reported); beyond it, and beyond `FEW_BAD_ROWS`, the file is refused. */
const BAD_ROW_SHARE = 0.01
const FEW_BAD_ROWS = 10
const KEPT_EXAMPLES = 5

export interface SkippedRow {
  /** Line of the file, counted from 1. */
  readonly line: number
  readonly reason: string
  /** Which of the requests of that line, where a line holds several. */
  readonly within?: string
}

/** A text in a row, and in which character of its line it begins, counted from 1. */
export interface FoundText {
  readonly column?: number
  readonly text: string
}

export interface BadRow extends SkippedRow {
  readonly found?: FoundText
}

export interface TraceReport {
  /** Name of the format that the file was read as. */
  readonly format: string
  /** Data rows of the file, the skipped ones included. */
  readonly rowsRead: number
  readonly rowsKept: number
  readonly rowsSkipped: number
  readonly skippedByReason: readonly { readonly reason: string; readonly count: number }[]
  /** The first five skipped rows. */
  readonly firstSkipped: readonly SkippedRow[]
  /** Rows that came earlier in time than a row before them; they were sorted, stably. */
  readonly outOfOrder: number
  /** Rows that repeat another one in every column. */
  readonly duplicates: number
  /** Longest time between two arrivals, ns; null with fewer than two. */
  readonly longestGapNs: number | null
  /** Length of the ticks the arrivals were recorded in and spread over, null when they are finer than a second. */
  readonly tickNs: number | null
  /** What the times are, where a unit was chosen for them and has no effect. */
  readonly idleUnit: UnitlessTimes | null
  /** Share (0..1) of input tokens in leading blocks seen before, infinite cache; null without prefix blocks. */
  readonly idealHitRate: number | null
  /** Sentences for the user: assumptions made, columns not used, rows sorted or skipped. */
  readonly notes: readonly string[]
}

/** What is said of a time unit that has no effect on any of these files; null where it has one, or none was chosen. */
export function idleUnitText(reports: readonly Pick<TraceReport, 'idleUnit'>[]): string | null {
  const idle = new Set(reports.map(({ idleUnit }) => idleUnit))
  return idle.has(null) ? null : `has no effect: the times are ${[...idle].join(' and ')}`
}

/** Collects the rows that are not kept. Only those that `skip` notes make a file bad: the others are no fault of it. */
export interface SkipLog {
  /** A row that cannot be used; `found`: the text that makes it so. */
  skip(line: number, reason: string, within?: string, found?: FoundText): void
  /** A request that the recorded service failed to answer. */
  skipFailed(line: number, reason: string, within?: string): void
  /** Rows left out because the user wants it. */
  leaveOut(count: number, reason: string): void
  readonly count: number
  readonly firstSkipped: readonly SkippedRow[]
  /** The first rows that cannot be used. */
  readonly firstBad: readonly BadRow[]
  byReason(): { reason: string; count: number }[]
  /** Throws when too many of `rowsRead` rows are bad. */
  refuseIfBad(path: string, rowsRead: number): void
}

/** Longest text that is quoted. */
const LONGEST_QUOTED = 40

/** Where a row cannot be used, what stands there and, where it is known, what to do about it. */
export function faultOf(path: string, { line, reason, within, found }: BadRow): Fault {
  const { column, text = '' } = found ?? {}
  const quoted = text === '' ? '' : `: '${text.length > LONGEST_QUOTED ? `${text.slice(0, LONGEST_QUOTED)}...` : text}'`
  return {
    where: `${path}:${line}${column === undefined ? '' : `:${column}`}`,
    message: `${within === undefined ? '' : `${within}: `}${reason}${quoted}`,
    hint: remedyOf(reason),
  }
}

function remedyOf(reason: string): string | undefined {
  if (reason === OPEN_QUOTE)
    return 'close it, or double quotes that belong to the text; a row is one line, also where a text in it is quoted'
  if (reason === NO_JSON) return 'write one JSON object a line, without a comma at its end'
  if (reason.endsWith(NOT_WHOLE)) return 'write whole numbers in digits alone, as in 1000'
  return TIME_REMEDIES[reason]
}

/** Why rows are left out that come after as many requests as are wanted. */
export const BEYOND_LIMIT = 'beyond the limit of requests'
export const OPEN_QUOTE = 'a quote is not closed in its line'
export const ZERO_OUTPUT = 'output tokens are 0: a failed request'

export function createSkipLog(): SkipLog {
  const counts = new Map<string, number>()
  const first: SkippedRow[] = []
  const firstBad: BadRow[] = []
  let bad = 0
  let total = 0
  const note = (row: SkippedRow): void => {
    total++
    counts.set(row.reason, (counts.get(row.reason) ?? 0) + 1)
    if (first.length < KEPT_EXAMPLES) first.push(row)
  }
  const rowAt = (line: number, reason: string, within?: string): SkippedRow =>
    within === undefined ? { line, reason } : { line, reason, within }
  return {
    skip(line, reason, within, found) {
      const row = rowAt(line, reason, within)
      note(row)
      bad++
      if (firstBad.length < KEPT_EXAMPLES) firstBad.push({ ...row, found })
    },
    skipFailed: (line, reason, within) => note(rowAt(line, reason, within)),
    leaveOut(count, reason) {
      if (count === 0) return
      total += count
      counts.set(reason, (counts.get(reason) ?? 0) + count)
    },
    get count() {
      return total
    },
    firstSkipped: first,
    firstBad,
    byReason: () => [...counts].map(([reason, count]) => ({ reason, count })),
    refuseIfBad(path, rowsRead) {
      if (bad <= FEW_BAD_ROWS || bad <= BAD_ROW_SHARE * rowsRead) return
      throw new UserError([
        {
          where: path,
          message: `${bad} of ${rowsRead} rows are unusable; at most 1 % may be`,
          hint: 'correct the rows below, or name the right columns and the time unit: workload.read.columns, workload.read.time_unit (trace commands: --columns, --time-unit)',
        },
        ...firstBad.map((row, i) => ({ ...faultOf(path, row), ...(i > 0 && { hint: undefined }) })),
      ])
    },
  }
}

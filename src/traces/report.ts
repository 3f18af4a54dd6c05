/**
 * What a reader did to a file: counts, assumptions and skipped rows, so that nothing is guessed or dropped in silence.
 */
import { UserError } from '../errors.js'

/** Rows of this share may be bad (skipped and reported); beyond it, and beyond `FEW_BAD_ROWS`, the file is refused. */
const BAD_ROW_SHARE = 0.01
const FEW_BAD_ROWS = 10
const KEPT_EXAMPLES = 5

export interface SkippedRow {
  /** Line of the file, counted from 1. */
  readonly line: number
  readonly reason: string
}

export interface TraceReport {
  /** Format the file was read as: azure | mooncake | csv | shapewise. */
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
  /** Length of the ticks the arrivals were recorded in and spread over, null when they are finer than a second. */
  readonly tickNs: number | null
  /** Share (0..1) of input tokens in leading blocks seen before, infinite cache; null without prefix blocks. */
  readonly idealHitRate: number | null
  /** Sentences for the user: assumptions made, columns not used, rows sorted or skipped. */
  readonly notes: readonly string[]
}

/** Collects skipped rows. `zeroOutput` rows are failed requests of the recorded service and never make a file bad. */
export interface SkipLog {
  skip(line: number, reason: string): void
  skipZeroOutput(line: number): void
  readonly count: number
  readonly firstSkipped: readonly SkippedRow[]
  byReason(): { reason: string; count: number }[]
  /** Throws when too many of `rowsRead` rows are bad. */
  refuseIfBad(path: string, rowsRead: number): void
}

export const ZERO_OUTPUT = 'output tokens are 0: a failed request'

export function createSkipLog(): SkipLog {
  const counts = new Map<string, number>()
  const first: SkippedRow[] = []
  const firstBad: SkippedRow[] = []
  let zeroOutputs = 0
  let total = 0
  const note = (line: number, reason: string): void => {
    total++
    counts.set(reason, (counts.get(reason) ?? 0) + 1)
    if (first.length < KEPT_EXAMPLES) first.push({ line, reason })
  }
  return {
    skip(line, reason) {
      note(line, reason)
      if (firstBad.length < KEPT_EXAMPLES) firstBad.push({ line, reason })
    },
    skipZeroOutput(line) {
      zeroOutputs++
      note(line, ZERO_OUTPUT)
    },
    get count() {
      return total
    },
    firstSkipped: first,
    byReason: () => [...counts].map(([reason, count]) => ({ reason, count })),
    refuseIfBad(path, rowsRead) {
      const bad = total - zeroOutputs
      if (bad <= FEW_BAD_ROWS || bad <= BAD_ROW_SHARE * rowsRead) return
      throw new UserError([
        {
          where: path,
          message: `${bad} of ${rowsRead} rows are unusable; at most 1 % may be.`,
          hint: 'Correct the rows below, or name the right columns and the time unit.',
        },
        ...firstBad.map((row) => ({ where: `${path}:${row.line}`, message: row.reason })),
      ])
    },
  }
}

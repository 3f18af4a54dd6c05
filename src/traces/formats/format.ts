/** What it takes to read a format. One file a format; `index.ts` registers them, `catalogue.ts` has their names and titles. */
import type { Head } from '../head.js'
import type { HeededOption, ReadOptions } from '../options.js'
import type { SkipLog } from '../report.js'
import type { RequestRows } from '../requestRows.js'
import type { UnitlessTimes } from '../units.js'
import type { Workload } from '../workload.js'

export interface Format {
  /** Whether a file that begins so (decompressed, without a byte order mark) is of this format. */
  recognises(head: Head): boolean
  /** Options that mean something for this format; the others are refused. */
  readonly heeds: readonly HeededOption[]
  /** Whether the file gives its prefix blocks ids that may mean the same in another file, read with the option `blockNumbers`. */
  readonly namesBlocks?: boolean
  createReader(context: ReaderContext): TraceReader
}

export interface ReaderContext {
  /** For messages. */
  readonly path: string
  readonly options: ReadOptions
  /** Takes the requests, in the order of the file. Memory beyond it should not grow with the file. */
  readonly rows: RequestRows
  readonly skips: SkipLog
  /**
   * Output tokens of a request as the option `outputs` wants them: `given` when it is 1 or more, otherwise (0, or -1 for missing) the tokens to
   * take instead, or 0 when the row was noted as skipped.
   */
  outputTokens(given: number, line: number, within?: string): number
}

export interface TraceReader {
  /** The next bytes, decompressed. May throw `UserError`. */
  push(bytes: Buffer): void
  /** All bytes were pushed that are wanted. `isCut`: the file goes on, so what was begun last is no row. */
  end(isCut: boolean): void
  /** Reads the file itself instead of being pushed to: for formats that need to seek in it. */
  readFile?(): Promise<void>
  /** Rows met so far, the skipped ones included. */
  rowsRead(): number
  findings(): Findings
}

/** What is to be said and known about a file that was read to its end. */
export interface Findings {
  /** Where the requests come from, one sentence. */
  readonly note: string
  /** Sentences: assumptions made, columns not used. */
  readonly notes: readonly string[]
  /** What the times are, where nothing in the file is in the unit of the times. */
  readonly unitless?: UnitlessTimes
  /** Tokens per prefix block where the file says it; otherwise inferred from the numbers of ids. */
  readonly blockTokens?: number
  /** Times as they are: nothing is sorted, spread or moved. Only for our own format, which takes the place of the rows. */
  readonly workload?: Workload
}

/** What decides where a trace leaves a choice. Everything that is not decided here is reported, never guessed in silence. */
import { UserError } from '../errors.js'
import type { ColumnChoice } from './csvHeader.js'
import type { FormatName } from './formats/catalogue.js'
import type { Numbering } from './requestRows.js'
import type { DUPLICATE_RULES, ORDER_RULES, OVER_LIMIT_RULES } from './rules.js'

export interface ReadOptions {
  /** Overrides the format told by the content. */
  readonly from?: FormatName
  /** Spread arrivals that were recorded in ticks of a second or more over their tick; such traces are refused without this and `keepTicks`. */
  readonly spreadTicks?: boolean
  /** Leave such ticks as they were recorded, neither spread nor refused: bursts that are real, or statistics of the file itself. */
  readonly keepTicks?: boolean
  /** Columns of a table, where their names are not recognised, and the unit of its times. */
  readonly columns?: ColumnChoice
  /** Seed of the stream `trace/spread-ticks`. Default 1. */
  readonly seed?: number | string
  /** Requests whose output tokens are 0 or missing: skipped (the default), refused, or given this number of tokens. */
  readonly outputs?: 'skip' | 'fail' | number
  /** Rows that are out of order in time: sorted (the default) or refused. */
  readonly order?: (typeof ORDER_RULES)[number]
  /** Rows that repeat another one in time, lengths, session and prefix. Default: keep. */
  readonly duplicates?: (typeof DUPLICATE_RULES)[number]
  /** Tokens per prefix block; overrides what the file says or what its numbers of ids imply. */
  readonly blockTokens?: number
  /** Most tokens, input and output together, of a request. Without it no request is too long for the reader. */
  readonly contextLimit?: number
  /** Requests beyond `contextLimit`: dropped (the default), cut (the input, and an output that leaves it no token), or refused. */
  readonly overLimit?: (typeof OVER_LIMIT_RULES)[number]
  /** Reads the first requests of the file only. */
  readonly limit?: number
  /** Keeps the requests that arrive in [fromS, toS) seconds after the first one, and those that wait for these and for no others. */
  readonly window?: { readonly fromS: number; readonly toS: number }
  /** Sessions whose prefix ids are their own share the blocks of the tools and the system prompt all the same. */
  readonly shareSystemPrompt?: boolean
  /**
   * Numbers the prefix blocks by the ids in the file; shared with other files whose equal ids mean the same prefix. Block ids are then dense over all
   * these files together only, and files whose blocks have no ids of their own are refused.
   */
  readonly blockNumbers?: Numbering<number | string>
  /** Others are read with the same options: that a time unit has no effect on this file is reported and not refused. */
  readonly isOneOfSeveral?: boolean
  /** Hears how much of the file was read, in bytes on disk. */
  readonly onProgress?: (bytes: number, ofBytes: number) => void
}

/** Options that only some formats heed. */
export type HeededOption = 'columns' | 'timeUnit' | 'blockTokens' | 'shareSystemPrompt'

const FLAGS: Readonly<Record<HeededOption, string>> = {
  columns: 'the choice of columns',
  timeUnit: 'the time unit',
  blockTokens: 'the size of prefix blocks',
  shareSystemPrompt: 'sharing the system prompt',
}

/** Throws for an option that could have no effect on a file of this format. */
export function refuseIdleOptions(path: string, format: FormatName, heeds: readonly HeededOption[], options: ReadOptions): void {
  const { columns, blockTokens, shareSystemPrompt, overLimit, contextLimit } = options
  const given: Readonly<Record<HeededOption, boolean>> = {
    columns: Object.entries(columns ?? {}).some(([role, column]) => role !== 'timeUnit' && column !== undefined),
    timeUnit: columns?.timeUnit !== undefined,
    blockTokens: blockTokens !== undefined,
    shareSystemPrompt: shareSystemPrompt === true,
  }
  for (const option of Object.keys(FLAGS) as HeededOption[]) {
    if (!given[option] || heeds.includes(option)) continue
    throw new UserError({
      where: path,
      message: `${FLAGS[option]} has no effect on a file of the format ${format}`,
      hint: 'leave it out',
    })
  }
  if (overLimit !== undefined && contextLimit === undefined) {
    throw new UserError({
      where: path,
      message: 'what happens to requests over the context limit was given, but no limit',
      hint: 'give the context limit too, or leave both out',
    })
  }
}

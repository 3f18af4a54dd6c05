/** Measured serving rows: one deployment at one concurrency each. Columns are found by name; unknown ones are ignored. */
import { UserError } from '../errors.js'
import { type CsvRecord, type CsvTable, demandColumns, numberIn, wholeIn } from './csvTable.js'

/** GPUs and cut of one engine as the row labels it; null = the row does not say. */
export interface ShapeColumns {
  readonly workers: number | null
  readonly gpus: number | null
  readonly tp: number | null
  readonly dp: number | null
  readonly ep: number | null
}

export interface ServingRow {
  readonly line: number
  /** As in the file; its line where that is blank. */
  readonly id: string
  readonly system: string
  readonly model: string
  readonly precision: string
  readonly backend: string
  readonly mode: string
  /** Nominal tokens; drawn lengths are uniform on [0.8, 1] of them. */
  readonly isl: number | null
  readonly osl: number | null
  /** Requests in flight over the whole deployment. */
  readonly concurrency: number | null
  readonly prefill: ShapeColumns
  readonly decode: ShapeColumns
  readonly aggregated: ShapeColumns & { readonly pp: number | null }
  /** Draft tokens; null = the row does not say how many, or whether. */
  readonly draftTokens: number | null
  /** yes | no | unknown, '' = not said. */
  readonly speculation: string
  /** ISO date of the measurement, '' = unknown. */
  readonly measuredDate: string
  readonly tier: string
  readonly quality: string
  readonly configKey: string
  /** Measurements; null = blank. */
  readonly ttftMs: number | null
  readonly tpotMs: number | null
  /** Cells that cannot be read, in words: the row is refused, the others are not. */
  readonly faults: readonly string[]
}

/** Columns without which no row can be simulated; measurements and everything else may be absent. */
const NEEDED = [
  'id',
  'system',
  'model',
  'precision',
  'backend',
  'mode',
  'isl',
  'osl',
  'concurrency',
  'prefill_workers',
  'prefill_gpus_per_worker',
  'prefill_attention_tp',
  'prefill_attention_dp',
  'prefill_moe_ep',
  'decode_workers',
  'decode_gpus_per_worker',
  'decode_attention_tp',
  'decode_attention_dp',
  'decode_moe_ep',
  'measured_date',
] as const

const ISO_DATE = /^\d{4}-\d{2}(-\d{2})?$/

/** A day or a month of the calendar: the 31st of February rolls over into March. */
function isDate(text: string): boolean {
  if (!ISO_DATE.test(text)) return false
  const [year, month, day = 1] = text.split('-').map(Number)
  return new Date(Date.UTC(year, month - 1, day)).toISOString().startsWith(text)
}

export function servingRows(table: CsvTable): ServingRow[] {
  demandColumns(table, NEEDED)
  if (table.records.length === 0)
    throw new UserError({
      where: table.file,
      message: 'the file has a header and no rows',
      hint: 'give at least one measured row',
    })
  return table.records.map((record) => servingRow(table, record))
}

function servingRow(table: CsvTable, record: CsvRecord): ServingRow {
  const { field } = record
  const faults: string[] = []
  const read = (from: typeof numberIn, column: string): number | null => {
    try {
      return from(table, record, column)
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      faults.push(...error.faults.map(({ message }) => message))
      return null
    }
  }
  const whole = (column: string): number | null => read(wholeIn, column)
  const measured = (column: string): number | null => read(numberIn, column) || null
  const measuredDate = field('measured_date')
  if (measuredDate !== '' && !isDate(measuredDate))
    faults.push(`measured_date '${measuredDate}' is not a date such as 2026-02-08`)
  const shape = (role: 'prefill' | 'decode'): ShapeColumns => ({
    workers: whole(`${role}_workers`),
    gpus: whole(`${role}_gpus_per_worker`),
    tp: whole(`${role}_attention_tp`),
    dp: whole(`${role}_attention_dp`),
    ep: whole(`${role}_moe_ep`),
  })
  return {
    line: record.line,
    id: field('id') || `line ${record.line}`,
    system: field('system').toLowerCase(),
    model: field('model'),
    precision: field('precision').toLowerCase(),
    backend: field('backend').toLowerCase(),
    mode: field('mode').toLowerCase(),
    isl: whole('isl'),
    osl: whole('osl'),
    concurrency: whole('concurrency'),
    prefill: shape('prefill'),
    decode: shape('decode'),
    aggregated: {
      workers: 1,
      gpus: whole('agg_gpus'),
      tp: whole('agg_tp'),
      dp: whole('agg_attention_dp'),
      ep: whole('agg_moe_ep'),
      pp: whole('agg_pp'),
    },
    draftTokens: whole('spec_nextn'),
    speculation: field('spec_decode').toLowerCase(),
    measuredDate,
    tier: field('tier'),
    quality: field('quality'),
    configKey: field('config_key'),
    ttftMs: measured('ttft_ms'),
    tpotMs: measured('tpot_ms'),
    faults,
  }
}

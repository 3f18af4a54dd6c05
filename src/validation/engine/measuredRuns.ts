/** Measured runs of one serving machine, request by request, as a folder of JSON lines. */
import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { UserError } from '../../errors.js'
import { readText } from '../../textFile.js'
import { NS_PER_S } from '../../units.js'

/** One run; requests in the order in which the engine took them in, times in whole ns since the first of them. */
export interface MeasuredRun {
  readonly file: string
  /** File name without its ending. */
  readonly name: string
  readonly machine: string
  readonly model: string
  readonly requestId: readonly string[]
  readonly inputTokens: Int32Array
  readonly outputTokens: Int32Array
  /** When the engine took the request in (queued_ts). */
  readonly queuedNs: Float64Array
  readonly firstTokenNs: Float64Array
  readonly lastTokenNs: Float64Array
}

const ENDING = /\.jsonl(\.gz)?$/
/** A third of fewer requests than this cannot tell five numbers apart. */
const MIN_REQUESTS = 30
const HINT =
  'each line is an object with request_id, input_toks, output_toks, and the times queued_ts, first_token_ts, last_token_ts in seconds'

/** Reads every `*.jsonl` and `*.jsonl.gz` of a folder, in order of name. Throws UserError. */
export function readMeasuredRuns(folder: string): MeasuredRun[] {
  let names: string[]
  try {
    names = readdirSync(folder)
      .filter((name) => ENDING.test(name))
      .sort()
  } catch (error) {
    throw new UserError({
      where: folder,
      message: `cannot be read as a folder: ${(error as NodeJS.ErrnoException).code}`,
      hint: 'name the folder that holds the measured runs, one JSONL file each',
    })
  }
  if (names.length === 0) {
    throw new UserError({
      where: folder,
      message: 'holds no measured run: no file ends in .jsonl or .jsonl.gz',
      hint: `put one file per run there; ${HINT}`,
    })
  }
  return names.map((name) =>
    parseRun(join(folder, name), readText(join(folder, name), 'give a JSONL file, plain or compressed with gzip')),
  )
}

interface Row {
  readonly id: string
  readonly inputTokens: number
  readonly outputTokens: number
  readonly queuedS: number
  readonly firstTokenS: number
  readonly lastTokenS: number
}

/** `MACHINE_MODEL.requests` → its two names; without an underscore both are the whole name. */
function namesOf(path: string): Pick<MeasuredRun, 'file' | 'name' | 'machine' | 'model'> {
  const file = basename(path)
  const name = file.replace(ENDING, '').replace(/\.requests$/, '')
  const cut = name.indexOf('_')
  return { file, name, machine: cut > 0 ? name.slice(0, cut) : name, model: name.slice(cut + 1) }
}

export function parseRun(path: string, text: string): MeasuredRun {
  const rows: Row[] = []
  text.split('\n').forEach((line, index) => {
    if (line.trim() !== '') rows.push(parseRow(`${path}:${index + 1}`, line))
  })
  if (rows.length < MIN_REQUESTS) {
    throw new UserError({
      where: path,
      message: `holds ${rows.length} requests; a third of fewer than ${MIN_REQUESTS} cannot tell the fitted numbers apart`,
      hint: 'give longer runs',
    })
  }
  rows.sort((a, b) => a.queuedS - b.queuedS)
  const column = (second: (row: Row) => number) =>
    Float64Array.from(rows, (row) => Math.round((second(row) - rows[0].queuedS) * NS_PER_S))
  return {
    ...namesOf(path),
    requestId: rows.map((row) => row.id),
    inputTokens: Int32Array.from(rows, (row) => row.inputTokens),
    outputTokens: Int32Array.from(rows, (row) => row.outputTokens),
    queuedNs: column((row) => row.queuedS),
    firstTokenNs: column((row) => row.firstTokenS),
    lastTokenNs: column((row) => row.lastTokenS),
  }
}

function parseRow(where: string, line: string): Row {
  const refuse = (message: string): never => {
    throw new UserError({ where, message, hint: HINT })
  }
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return refuse('is not JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse('is not a JSON object')
  const fields = value as Record<string, unknown>
  const number = (key: string): number => {
    const found = fields[key]
    return typeof found === 'number' && Number.isFinite(found) ? found : refuse(`${key} is missing or not a number`)
  }
  const tokens = (key: string): number => {
    const found = number(key)
    return Number.isInteger(found) && found >= 1 && found <= 2 ** 24 ? found : refuse(`${key} must be a whole number >= 1`)
  }
  const id = fields['request_id']
  if (typeof id !== 'string' && typeof id !== 'number') return refuse('request_id is missing')
  const row = {
    id: String(id),
    inputTokens: tokens('input_toks'),
    outputTokens: tokens('output_toks'),
    queuedS: number('queued_ts'),
    firstTokenS: number('first_token_ts'),
    lastTokenS: number('last_token_ts'),
  }
  if (!(row.firstTokenS > row.queuedS && row.lastTokenS >= row.firstTokenS))
    return refuse('times are out of order: queued_ts < first_token_ts <= last_token_ts must hold')
  return row
}

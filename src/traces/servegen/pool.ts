/**
 * A ServeGen pool (Xiang et al., arXiv 2505.09999): not requests but clients, each with rates and a law of gaps for every window of its trace, and
 * distributions of lengths. A folder of chunk-N-trace.csv (window start s, rate 1/s, CV of gaps, Gamma|Weibull or empty, shape, scale; no
 * header) and chunk-N-dataset.json (start s -> field -> distribution), each plain or .gz.
 */
import { readdirSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { UserError } from '../../errors.js'
import { readText } from '../../textFile.js'
import { type Pmf, parsePmf } from './pmf.js'

/** What a window says of its client; windows without traffic are not kept. */
export interface RateWindow {
  readonly startS: number
  readonly ratePerS: number
  /** Coefficient of variation of the gaps. */
  readonly cv: number
  /** Law of the gaps; its scale is not kept, because the rate gives the level. */
  readonly family: 'gamma' | 'weibull'
  readonly shape: number
}

/** Distributions by field from `startS` on; fields without traffic are left out. */
export interface LengthWindow {
  readonly startS: number
  readonly fields: ReadonlyMap<string, Pmf>
}

export interface PoolClient {
  readonly id: number
  readonly windows: readonly RateWindow[]
  readonly lengths: readonly LengthWindow[]
}

export interface Pool {
  readonly name: string
  /** By id. */
  readonly clients: readonly PoolClient[]
  /** Length of a rate window, s. */
  readonly windowS: number
  /** Windows from second 0 (midnight) to the end. */
  readonly windowCount: number
}

const CHUNK = /^chunk-(\d+)-(trace\.csv|dataset\.json)(\.gz)?$/
/** Fields that make up the input: the whole, or the text and, for each kind, tokens of one and how many. */
export const KINDS = ['image', 'audio', 'video'] as const

export function readPool(folder: string): Pool {
  const chunks = new Map<number, { trace?: string; dataset?: string }>()
  for (const file of readdirSync(folder)) {
    const match = CHUNK.exec(file)
    if (match === null) continue
    const chunk = chunks.get(+match[1]) ?? {}
    chunk[match[2] === 'trace.csv' ? 'trace' : 'dataset'] = join(folder, file)
    chunks.set(+match[1], chunk)
  }
  if (chunks.size === 0) {
    throw new UserError({
      where: folder,
      message: 'this folder is no pool of ServeGen clients: it has no chunk-N-trace.csv',
      hint: 'name one trace file, or a folder with chunk-N-trace.csv and chunk-N-dataset.json',
    })
  }
  /** Length of a window, s, of the first client: the others must have it too. */
  let windowS = 0
  let windowCount = 0
  const clients: PoolClient[] = []
  for (const [id, { trace, dataset }] of [...chunks].sort(([a], [b]) => a - b)) {
    if (trace === undefined || dataset === undefined) {
      const missing = trace === undefined ? `chunk-${id}-trace.csv` : `chunk-${id}-dataset.json`
      throw new UserError({
        where: folder,
        message: `client ${id} of the pool has no ${missing}`,
        hint: 'add it, or remove the other file',
      })
    }
    const { windows, starts } = readWindows(trace)
    if (clients.length === 0) windowS = starts[1]
    if (starts[1] !== windowS) {
      throw new UserError({
        where: trace,
        message: `the windows of client ${id} are ${starts[1]} s long, those of client ${clients[0].id} ${windowS} s`,
        hint: 'give all clients of a pool windows of one length, or put those of another length into a folder of their own',
      })
    }
    windowCount = Math.max(windowCount, starts.length)
    clients.push({ id, windows, lengths: readLengths(dataset) })
  }
  return { name: basename(resolve(folder)), clients, windowS, windowCount }
}

function readWindows(path: string): { windows: RateWindow[]; starts: number[] } {
  const lines = readText(path, 'copy or download it again').split(/\r?\n/)
  while (lines[lines.length - 1] === '') lines.pop()
  const starts: number[] = []
  const windows: RateWindow[] = []
  lines.forEach((line, i) => {
    const fields = line.split(',')
    const [startS, ratePerS, cv, , shape] = fields.map(Number)
    const family = fields[3]?.toLowerCase()
    const bad = (message: string): UserError =>
      new UserError({
        where: `${path}:${i + 1}`,
        message,
        hint: 'a line has the start of the window (s), rate (1/s), CV, Gamma or Weibull or nothing, shape and scale',
      })
    if (fields.length !== 6 || !(ratePerS >= 0 && ratePerS < 1e9)) throw bad('the line is no window of a ServeGen client')
    if (startS !== i * (starts[1] ?? startS) || (i === 1 && !(startS > 0)))
      throw bad('the windows do not follow one another from second 0')
    starts.push(startS)
    if (ratePerS === 0) return
    if (family !== 'gamma' && family !== 'weibull') throw bad(`the law of the gaps is '${fields[3]}'`)
    if (!(shape > 0 && shape < 1e6) || !(cv >= 0)) throw bad('the law of the gaps has no positive shape, or no CV')
    windows.push({ startS, ratePerS, cv, family, shape })
  })
  if (starts.length < 2)
    throw new UserError({ where: path, message: 'the client has fewer than two windows', hint: 'copy the file again' })
  return { windows, starts }
}

function readLengths(path: string): LengthWindow[] {
  const bad = (message: string): UserError =>
    new UserError({
      where: path,
      message,
      hint: 'the file is {"start s": {"input_tokens": "{value: probability, ...}", ...}, ...}',
    })
  let parsed: unknown
  try {
    parsed = JSON.parse(readText(path, 'copy or download it again'))
  } catch (error) {
    if (error instanceof UserError) throw error
    throw bad('the file is no JSON')
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw bad('the file is no JSON object')
  const windows = Object.entries(parsed).map(([start, fields]): LengthWindow => {
    if (!/^\d+$/.test(start) || typeof fields !== 'object' || fields === null) throw bad(`'${start}' is no window`)
    const known = new Map<string, Pmf>()
    for (const [field, text] of Object.entries(fields)) {
      try {
        const pmf = parsePmf(String(text))
        if (pmf !== null) known.set(field, pmf)
      } catch (error) {
        throw bad(`field ${field} of window ${start} ${(error as Error).message}`)
      }
    }
    return { startS: +start, fields: known }
  })
  return windows.sort((a, b) => a.startS - b.startS)
}

/**
 * Mooncake JSON lines: timestamp (ms), input_length, output_length, hash_ids (prefix blocks; the n-th id names the whole prefix so far).
 */
import { type BlockColumns, blockCountOf, createBlockBuilder } from './blocks.js'
import type { ShapeColumns } from './columns.js'
import { MAX_TOKENS, TIME_NEGATIVE, TIME_TOO_FAR, TIME_UNREADABLE } from './fields.js'
import type { SkipLog } from './report.js'
import type { Workload } from './workload.js'

const NS_PER_MS = 1e6
const NEWLINE = 10
/** Tokens per block by custom (Mooncake's own traces), then those that other tools write. */
const BLOCK_TOKENS = [512, 16, 32, 64, 128, 256, 1024]
const KEYS = ['timestamp', 'input_length', 'output_length', 'hash_ids']
/** Times are whole ns since the first row, exact below 2^53. */
const MAX_SPAN_MS = 2 ** 53 / NS_PER_MS

export interface MooncakeScanner {
  scan(bytes: Buffer, start: number, end: number): void
  rows: number
  /** Keys of the rows that are not used. */
  readonly unusedKeys: ReadonlySet<string>
  /** Prefix blocks of the kept rows; null when no row has any. */
  blocks(): BlockColumns | null
}

export function createMooncakeScanner(into: ShapeColumns, skips: SkipLog): MooncakeScanner {
  const denseIds = new Map<number | string, number>()
  const builder = createBlockBuilder()
  const unusedKeys = new Set<string>()
  let line = 0
  let firstMs = Number.NaN
  const denseId = (id: number | string): number => {
    let dense = denseIds.get(id)
    if (dense === undefined) {
      dense = denseIds.size
      denseIds.set(id, dense)
    }
    return dense
  }
  const addRow = (text: string): void => {
    const row = parseRow(text)
    const reason = typeof row === 'string' ? row : faultOf(row, firstMs)
    if (typeof row === 'string' || reason !== null) {
      skips.skip(line, reason as string)
      return
    }
    if (row.output_length === 0) {
      skips.skipZeroOutput(line)
      return
    }
    for (const key in row) if (!KEYS.includes(key)) unusedKeys.add(key)
    const timeMs = row.timestamp as number
    if (Number.isNaN(firstMs)) firstMs = timeMs
    const blocks = (row.hash_ids ?? []) as (number | string)[]
    into.push(Math.round((timeMs - firstMs) * NS_PER_MS), row.input_length as number, row.output_length as number)
    builder.next()
    for (const block of blocks) builder.push(denseId(block))
  }
  const scanner: MooncakeScanner = {
    rows: 0,
    unusedKeys,
    scan(bytes, start, end) {
      while (start < end) {
        const next = bytes.indexOf(NEWLINE, start) + 1
        const text = bytes.toString('utf8', start, next - 1).trim()
        start = next
        line++
        if (text === '') continue
        scanner.rows++
        addRow(text)
      }
    },
    blocks: builder.columns,
  }
  return scanner
}

type Row = Record<string, unknown>

/** The object of a line, its ids above 2^53 as strings; or why it is none. */
function parseRow(text: string): Row | string {
  try {
    const row: unknown = JSON.parse(withSafeIds(text))
    if (typeof row === 'object' && row !== null && !Array.isArray(row)) return row as Row
    return 'the line is no JSON object'
  } catch {
    return 'the line is no JSON'
  }
}

/** Quotes the ids of 16 and more digits, which a double cannot hold; ids below that stay numbers. */
function withSafeIds(text: string): string {
  if (!/\d{16}/.test(text)) return text
  return text.replace(/("hash_ids"\s*:\s*\[)([^\]]*)\]/, (_, head: string, list: string) => {
    return `${head}${list.replace(/(^|[\s,])(-?\d{16,})(?=[\s,]|$)/g, '$1"$2"')}]`
  })
}

/** Why the row cannot be used, or null; `firstMs` is the time of the first row that could. */
function faultOf(row: Row, firstMs: number): string | null {
  const time = row.timestamp
  if (time === undefined) return 'timestamp is missing'
  if (typeof time !== 'number' || !Number.isFinite(time)) return TIME_UNREADABLE
  if (time < 0) return TIME_NEGATIVE
  if (time > Number.MAX_SAFE_INTEGER || Math.abs(time - firstMs) >= MAX_SPAN_MS) return TIME_TOO_FAR
  for (const [key, least] of [
    ['input_length', 1],
    ['output_length', 0],
  ] as const) {
    const value = row[key]
    if (value === undefined) return `${key} is missing`
    if (typeof value !== 'number' || !Number.isInteger(value)) return `${key} is not a whole number`
    if (value < 0) return `${key} is negative`
    if (value < least) return `${key} is ${value}`
    if (value > MAX_TOKENS) return `${key} is above ${MAX_TOKENS}`
  }
  const ids = row.hash_ids
  if (ids === undefined || ids === null) return null
  const isId = (id: unknown): boolean => typeof id === 'string' || (typeof id === 'number' && Number.isInteger(id))
  if (!Array.isArray(ids) || !ids.every(isId)) return 'hash_ids is not a list of whole numbers'
  return ids.length > (row.input_length as number) ? 'hash_ids are more than the input tokens' : null
}

/** Tokens per block that fit the counts of ids of nine rows in ten, and whether any size did; 512 otherwise. */
export function inferBlockTokens(workload: Workload): { blockTokens: number; certain: boolean } {
  const { isl } = workload
  const blockCount = isl.map((_, i) => blockCountOf(workload, i))
  for (const size of BLOCK_TOKENS) {
    let rows = 0
    let fitting = 0
    for (let i = 0; i < isl.length; i++) {
      if (blockCount[i] === 0) continue
      rows++
      if (blockCount[i] === Math.ceil(isl[i] / size) || blockCount[i] === Math.floor(isl[i] / size)) fitting++
    }
    if (fitting >= 0.9 * rows) return { blockTokens: size, certain: true }
  }
  return { blockTokens: BLOCK_TOKENS[0], certain: false }
}

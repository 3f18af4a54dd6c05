/** Fields of a JSON row: each function returns the value or throws a `RowFault` that says what is wrong with it. */
import { LATEST_NS, NS_PER_S } from '../../units.js'
import { LARGEST_TIME, MAX_TOKENS, NO_JSON, NOT_WHOLE, parseDate, TIME_NEGATIVE, TIME_NO_DATE, TIME_TOO_FAR } from '../fields.js'
import type { TimeFindings } from '../units.js'
import { RowFault } from './rowFault.js'

export type JsonRow = Readonly<Record<string, unknown>>

const WHOLE = /^-?\d+$/

/**
 * The object in a text; whole numbers of 16 and more digits, which a double may not hold, become text. Throws a `RowFault` when there is none.
 */
export function parseObject(text: string): JsonRow {
  const safe = withSafeWholes(text)
  let row: unknown
  try {
    row = JSON.parse(safe)
  } catch {
    throw new RowFault(NO_JSON)
  }
  if (isObject(row)) return row
  throw new RowFault('the line is no JSON object')
}

export const isObject = (value: unknown): value is JsonRow => typeof value === 'object' && value !== null && !Array.isArray(value)

const LONG_WHOLE = /^-?\d{16,}$/
const NUMBER = /-?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?/g
const BACKSLASH = 92

/** Texts are passed over by hand: an expression that matches a whole text overflows on one of some megabytes. */
function withSafeWholes(text: string): string {
  if (!/\d{16}/.test(text)) return text
  const parts: string[] = []
  for (let at = 0; at < text.length; ) {
    const open = text.indexOf('"', at)
    if (open < 0) {
      parts.push(quotedWholes(text.slice(at)))
      break
    }
    const end = endOfText(text, open)
    parts.push(quotedWholes(text.slice(at, open)), text.slice(open, end))
    at = end
  }
  return parts.join('')
}

/** The place behind the text that begins with the quote at `open`. */
function endOfText(json: string, open: number): number {
  for (let close = json.indexOf('"', open + 1); close >= 0; close = json.indexOf('"', close + 1)) {
    let escapes = 0
    while (json.charCodeAt(close - 1 - escapes) === BACKSLASH) escapes++
    if (escapes % 2 === 0) return close + 1
  }
  return json.length
}

const quotedWholes = (json: string): string => json.replace(NUMBER, (token) => (LONG_WHOLE.test(token) ? `"${token}"` : token))

/** A token count of at least `least`. */
export function tokenCount(row: JsonRow, key: string, least: number): number {
  const value = row[key]
  if (value === undefined || value === null) throw new RowFault(`${key} is missing`)
  return checkedTokens(value, key, least)
}

/** As `tokenCount`, but -1 where the key is missing or null, and 0 is allowed: for `outputTokens` of the reader's context. */
export function outputCount(row: JsonRow, key: string): number {
  const value = row[key]
  return value === undefined || value === null ? -1 : checkedTokens(value, key, 0)
}

export function checkedTokens(value: unknown, key: string, least: number): number {
  if (typeof value === 'string' && LONG_WHOLE.test(value)) {
    throw new RowFault(value.startsWith('-') ? `${key} is negative` : `${key} is above ${MAX_TOKENS}`)
  }
  if (typeof value !== 'number' || !Number.isInteger(value)) throw new RowFault(`${key} is ${NOT_WHOLE}`)
  if (value < 0) throw new RowFault(`${key} is negative`)
  if (value < least) throw new RowFault(`${key} is ${value}`)
  if (value > MAX_TOKENS) throw new RowFault(`${key} is above ${MAX_TOKENS}`)
  return value
}

/** A list of whole numbers, those beyond 2^53 as text; no longer than the tokens they stand for. */
export function blockIds(row: JsonRow, key: string, isl: number): readonly (number | string)[] {
  const ids = row[key]
  if (ids === undefined || ids === null) return []
  const isId = (id: unknown): boolean => typeof id === 'string' || (typeof id === 'number' && Number.isInteger(id))
  if (!Array.isArray(ids) || !ids.every(isId)) throw new RowFault(`${key} is not a list of whole numbers`)
  if (ids.length > isl) throw new RowFault(`${key} are more than the input tokens`)
  return ids
}

/** A name or number that says which session, request or tenant: as text; null where there is none. */
export function label(row: JsonRow, key: string): string | null {
  const value = row[key]
  if (value === undefined || value === null) return null
  if (typeof value === 'string') return value
  if (typeof value === 'number' && Number.isFinite(value)) return String(value)
  throw new RowFault(`${key} is neither a text nor a number`)
}

/** A length of time in units of `unitNs` ns, as whole ns. */
export function duration(row: JsonRow, key: string, unitNs: number): number {
  const value = row[key]
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new RowFault(`${key} is not a number`)
  if (value < 0) throw new RowFault(`${key} is negative`)
  const ns = Math.round(value * unitNs)
  if (ns >= LATEST_NS) throw new RowFault(`${key} is longer than 104 days`)
  return ns
}

export interface JsonClock {
  /** Whole ns since the first time read; may be negative. */
  ns(value: unknown, key: string): number
  /** Whether some times were dates and none was a number. */
  readonly areDates: boolean
}

/**
 * Times as numbers in units of `unitNs` ns, or as dates of ISO 8601. Taken relative to the first one before they are scaled, so Unix times keep
 * every digit.
 */
export function createJsonClock(unitNs: number): JsonClock {
  let base: { readonly whole: bigint; readonly fractionNs: number } | null = null
  let sawDate = false
  let sawNumber = false
  const relative = (whole: bigint, fractionNs: number, scaleNs: number): number => {
    const from = base ?? { whole, fractionNs }
    const ns = Number(whole - from.whole) * scaleNs + fractionNs - from.fractionNs
    if (!(Math.abs(ns) < LATEST_NS)) throw new RowFault(TIME_TOO_FAR)
    base = from
    return ns
  }
  const relativeNumber = (whole: bigint, fractionNs: number): number => {
    const ns = relative(whole, fractionNs, unitNs)
    sawNumber = true
    return ns
  }
  return {
    get areDates() {
      return sawDate && !sawNumber
    },
    ns(value, key) {
      if (value === undefined) throw new RowFault(`${key} is missing`)
      if (typeof value === 'number' && Number.isFinite(value)) {
        if (value < 0) throw new RowFault(TIME_NEGATIVE)
        if (value > LARGEST_TIME) throw new RowFault(base === null ? TIME_NO_DATE : TIME_TOO_FAR)
        const whole = Math.floor(value)
        return relativeNumber(BigInt(whole), Math.round((value - whole) * unitNs))
      }
      if (typeof value === 'string' && WHOLE.test(value) && value.length >= 16 && value.length <= 30) {
        if (value.startsWith('-')) throw new RowFault(TIME_NEGATIVE)
        return relativeNumber(BigInt(value), 0)
      }
      const date = typeof value === 'string' ? parseDate(value) : null
      if (date === null) throw new RowFault(TIME_NO_DATE)
      const ns = relative(BigInt(date.unixS), date.fractionNs, NS_PER_S)
      sawDate = true
      return ns
    },
  }
}

/** What a clock tells about the unit of the times: `byCustom` is the sentence on it, where there are numbers and no unit was `chosen`. */
export function timeFindings({ areDates }: JsonClock, chosen: string | undefined, byCustom: string): TimeFindings {
  if (areDates) return { notes: [], unitless: 'dates' }
  return { notes: chosen === undefined ? [byCustom] : [] }
}

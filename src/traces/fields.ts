/**
 * Numbers straight from bytes, without a string per field: token counts and times.
 */
import { LATEST_NS, NS_PER_S } from '../units.js'

/** Largest token count of a row. */
export const MAX_TOKENS = 2 ** 31 - 1
const MINUS = 45
const MAX_FAST_DIGITS = 15

/** Results of `parseCount` that are no count; 0 is returned as 0. */
export const COUNT_MISSING = -1
const COUNT_NOT_WHOLE = -2
const COUNT_NEGATIVE = -3
const COUNT_TOO_LARGE = -4
const COUNT_MAYBE_SEPARATED = -5
const COUNT_SEPARATED = -6

/** Points or commas before every three digits, as in `12.500`. */
const SEPARATED = /^[1-9]\d{0,2}([.,]\d{3})+$/
/** As a decimal fraction a whole number too. */
const MAYBE_SEPARATED = /^\d+[.,]000$/

/**
 * The whole number in bytes [start, end), such as `44`, `44.0` or `1e+05` (as R writes it); otherwise a negative COUNT_ code. `1.000` of a text is no
 * number: it may be one or a thousand.
 */
export function parseCount(bytes: Buffer, start: number, end: number, isText = true): number {
  if (start >= end) return COUNT_MISSING
  const negative = bytes[start] === MINUS
  const first = negative ? start + 1 : start
  let value = 0
  let at = first
  for (; at < end; at++) {
    const digit = bytes[at] - 48
    if (digit < 0 || digit > 9) break
    value = value * 10 + digit
  }
  if (at === first) return COUNT_NOT_WHOLE
  if (isText && at < end && (end - at) % 4 === 0) {
    const code = separated(bytes.toString('latin1', start, end))
    if (code !== null) return code
  }
  if (at < end && !isZeros(bytes, at, end)) {
    const text = bytes.toString('latin1', first, end)
    value = /^\d+(\.\d*)?e[+-]?\d+$/i.test(text) ? Number(text) : Number.NaN
    if (!Number.isInteger(value) && value !== Number.POSITIVE_INFINITY) return COUNT_NOT_WHOLE
  }
  if (negative) return COUNT_NEGATIVE
  return value > MAX_TOKENS ? COUNT_TOO_LARGE : value
}

/** The code of a count that has thousands separators, or may have one. */
function separated(text: string): number | null {
  if (!SEPARATED.test(text)) return null
  return MAYBE_SEPARATED.test(text) ? COUNT_MAYBE_SEPARATED : COUNT_SEPARATED
}

/** Why a text is no count for its thousands separators, or null. */
export function separatorFault(text: string, column: string): string | null {
  const code = separated(text)
  return code === null ? null : countFault(code, column)
}

/** A decimal point and nothing but zeros behind it. */
function isZeros(bytes: Buffer, start: number, end: number): boolean {
  if (bytes[start] !== 46) return false
  for (let at = start + 1; at < end; at++) if (bytes[at] !== 48) return false
  return true
}

const MAY_HAVE_SEPARATOR = 'may have a thousands separator'
const HAVE_SEPARATOR = 'have a thousands separator, or are no whole numbers'
/** How a file writes its numbers is no matter of one row, so a file with such a row is refused. */
export const isSeparated = (reason: string): boolean => reason.endsWith(HAVE_SEPARATOR) || reason.endsWith(MAY_HAVE_SEPARATOR)
/** The end of what is said of a number that is none, behind its name. */
export const NOT_WHOLE = 'not a whole number'
export const NO_JSON = 'the line is no JSON'

/** Why a field is no usable token count, or null when it is; a zero is judged by the caller. */
export function countFault(code: number, column: string): string | null {
  switch (code) {
    case COUNT_MISSING:
      return `${column} are missing`
    case COUNT_NOT_WHOLE:
      return `${column} are ${NOT_WHOLE}`
    case COUNT_NEGATIVE:
      return `${column} are negative`
    case COUNT_TOO_LARGE:
      return `${column} are above ${MAX_TOKENS}`
    case COUNT_MAYBE_SEPARATED:
      return `${column} ${MAY_HAVE_SEPARATOR}`
    case COUNT_SEPARATED:
      return `${column} ${HAVE_SEPARATOR}`
    default:
      return null
  }
}

const TIME_MISSING = 'time is missing'
const TIME_UNREADABLE = 'time cannot be read as a number, a date or a time of day'
/** Of formats that have no times of day. */
export const TIME_NO_DATE = 'time cannot be read as a number or a date'
const TIME_DECIMAL_COMMA = 'time has a decimal comma'
const TIME_MIXED = 'time is of another kind than those before it'
const TIME_OF_TWO = 'time may be hours and minutes, or minutes and seconds'
/** Whether a day has passed is not known, so a file with such a row is refused. */
export const TIME_FELL = 'time of day is earlier than the one before it, and no date says of which day it is'
export const TIME_NEGATIVE = 'time is negative'
export const TIME_TOO_FAR = 'time is more than 104 days from the first row'
/** What to do about times that cannot be used. */
const TIME_REMEDIES: Readonly<Record<string, string>> = {
  [TIME_UNREADABLE]: 'write a number, a date as in 2024-03-01 10:00:00.5, or a time of day as in 22:00:00.5',
  [TIME_NO_DATE]: 'write a number, or a date as in 2024-03-01 10:00:00.5',
  [TIME_MIXED]: 'write all as times of day, or none',
  [TIME_DECIMAL_COMMA]: "write decimal points, as in 1.5; where semicolons or tabs separate the columns: sed 's/,/./g' FILE",
  [TIME_OF_TWO]: 'write hours, minutes and seconds, as in 10:00:00',
  [TIME_FELL]: 'write dates too, as in 2024-03-01 10:00:00; or sort the rows, if all are of one day',
}

/** What to do about a field that cannot be used for this reason, where that is known. */
export function remedyOf(reason: string): string | undefined {
  if (isSeparated(reason)) return 'write token counts without separators and decimals, as in 12500'
  if (reason === NO_JSON) return 'write one JSON object a line, without a comma at its end'
  if (reason.endsWith(NOT_WHOLE)) return 'write whole numbers in digits alone, as in 1000'
  return TIME_REMEDIES[reason]
}

/** A larger number is no time in any unit: Unix times in ns reach it in the year 2262. */
export const LARGEST_TIME = 2 ** 63

export interface TimeParser {
  /** Time of the field in whole ns since the first time parsed; NaN when `fault` says why it is none. May be negative. */
  parse(bytes: Buffer, start: number, end: number): number
  fault: string
  /** True once a time was a date with a clock time. */
  sawDate: boolean
  /** True once a time was one of day alone: then all are. */
  sawTimeOfDay: boolean
  /** The first time that was a number, in its unit and without its fraction; NaN before. */
  firstNumber: number
}

/**
 * Times as plain numbers in a unit of `unitNs` ns, as `YYYY-MM-DD HH:MM:SS.fffffff[Z|+hh:mm]`, or as `HH:MM:SS.fffffff` that never fall. All are taken relative to the first one
 * before they are scaled, so Unix times keep every digit of their fraction.
 */
export function createTimeParser(unitNs: number): TimeParser {
  let base: bigint | null = null
  let baseNumber = 0
  const relative = (whole: number, fractionNs: number, scaleNs: number): number => {
    if (base === null) {
      base = BigInt(whole)
      baseNumber = whole
    }
    return checked((whole - baseNumber) * scaleNs + fractionNs)
  }
  const parsedNumber = (whole: number, fractionNs: number): number => {
    if (parser.sawTimeOfDay) return fail(TIME_MIXED)
    return noted(whole, relative(whole, fractionNs, unitNs))
  }
  const noted = (number: number, timeNs: number): number => {
    if (Number.isNaN(parser.firstNumber) && !Number.isNaN(timeNs)) parser.firstNumber = number
    return timeNs
  }
  const checked = (timeNs: number): number => {
    if (Math.abs(timeNs) < LATEST_NS) return timeNs
    parser.fault = TIME_TOO_FAR
    return Number.NaN
  }
  const fail = (fault: string): number => {
    parser.fault = fault
    return Number.NaN
  }
  let latestNs = 0
  const parseTimeOfDay = ([, hours, minutes, seconds, fraction]: RegExpExecArray): number => {
    if (seconds === undefined) return fail(TIME_OF_TWO)
    if (base !== null && !parser.sawTimeOfDay) return fail(TIME_MIXED)
    parser.sawTimeOfDay = true
    const timeNs = relative(+hours * 3600 + +minutes * 60 + +seconds, nsOfFraction(fraction), NS_PER_S)
    if (timeNs < latestNs) return fail(TIME_FELL)
    latestNs = timeNs
    return timeNs
  }
  const parseText = (text: string): number => {
    const timeOfDay = TIME_OF_DAY.exec(text)
    if (timeOfDay !== null) return parseTimeOfDay(timeOfDay)
    if (/^\d+,\d+$/.test(text)) return fail(TIME_DECIMAL_COMMA)
    const digits = /^(\d{16,30})(\.0*)?$/.exec(text)
    if (digits !== null) {
      if (parser.sawTimeOfDay) return fail(TIME_MIXED)
      const whole = BigInt(digits[1])
      if (base === null) {
        base = whole
        baseNumber = Number(whole)
      }
      return noted(Number(whole), checked(Number(whole - base) * unitNs))
    }
    const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN
    if (!Number.isFinite(value)) return fail(TIME_UNREADABLE)
    if (value < 0) return fail(TIME_NEGATIVE)
    if (value > LARGEST_TIME) return fail(base === null ? TIME_UNREADABLE : TIME_TOO_FAR)
    const whole = Math.floor(value)
    return parsedNumber(whole, Math.round((value - whole) * unitNs))
  }
  const parser: TimeParser = {
    fault: '',
    sawDate: false,
    sawTimeOfDay: false,
    firstNumber: Number.NaN,
    parse(bytes, start, end) {
      if (start >= end) return fail(TIME_MISSING)
      if (end - start >= 19 && bytes[start + 4] === MINUS) {
        const date = parseDate(bytes.toString('latin1', start, end))
        if (date === null) return fail(TIME_UNREADABLE)
        if (parser.sawTimeOfDay) return fail(TIME_MIXED)
        const timeNs = relative(date.unixS, date.fractionNs, NS_PER_S)
        if (!Number.isNaN(timeNs)) parser.sawDate = true
        return timeNs
      }
      let whole = 0
      let at = start
      for (; at < end; at++) {
        const digit = bytes[at] - 48
        if (digit < 0 || digit > 9) break
        whole = whole * 10 + digit
      }
      const wholeDigits = at - start
      if (wholeDigits === 0 || wholeDigits > MAX_FAST_DIGITS) return parseText(bytes.toString('latin1', start, end))
      if (at === end) return parsedNumber(whole, 0)
      if (bytes[at] !== 46) return parseText(bytes.toString('latin1', start, end))
      let fraction = 0
      let scale = 1
      for (at++; at < end; at++) {
        const digit = bytes[at] - 48
        if (digit < 0 || digit > 9) return parseText(bytes.toString('latin1', start, end))
        if (scale < 1e15) {
          fraction = fraction * 10 + digit
          scale *= 10
        }
      }
      return parsedNumber(whole, Math.round((fraction * unitNs) / scale))
    },
  }
  return parser
}

/** Hours beyond 23 are those of a clock that counts on. Of two numbers it is not known what they are. */
const TIME_OF_DAY = /^(\d{1,3}):([0-5]\d)(?::([0-5]\d))?(?:\.(\d{1,9})\d*)?$/
const nsOfFraction = (digits: string | undefined): number => (digits === undefined ? 0 : +digits.padEnd(9, '0'))

const DATE = /^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?(?:Z| ?UTC|([+-])(\d\d)(?::?(\d\d))?)?$/i

/** A date by hand, because `Date` keeps only milliseconds; without a zone it is UTC. PostgreSQL and DuckDB write zones as `+00`. */
export function parseDate(text: string): { unixS: number; fractionNs: number } | null {
  const match = DATE.exec(text)
  if (match === null) return null
  const [, year, month, day, hour, minute, second, fraction, sign, zoneHour, zoneMinute = 0] = match
  const midnight = new Date(Date.UTC(+year, +month - 1, +day))
  const isDay = midnight.getUTCMonth() === +month - 1 && midnight.getUTCDate() === +day
  if (!isDay || +hour > 23 || +minute > 59 || +second > 60) return null
  const zoneS = sign === undefined ? 0 : (sign === '-' ? -1 : 1) * (+zoneHour * 3600 + +zoneMinute * 60)
  return {
    unixS: midnight.getTime() / 1000 + +hour * 3600 + +minute * 60 + +second - zoneS,
    fractionNs: nsOfFraction(fraction),
  }
}

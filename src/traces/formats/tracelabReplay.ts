/**
 * TraceLab's replay CSV: session_id, arrival_time (ms, of the session), round_idx, prefix_len, input_len (the new part), output_len, tool_wait_after_ms.
 */
import { NS_PER_MS } from '../../units.js'
import { createLineSplitter } from '../byteStream.js'
import { separatorOf, splitLine } from '../csvScan.js'
import { MAX_TOKENS } from '../fields.js'
import { bareName } from '../head.js'
import { createJsonClock, duration, type JsonRow, outputCount, tokenCount } from '../json/fields.js'
import { RowFault } from '../json/rowFault.js'
import { createRebuiltBlocks, REBUILT_BLOCK_TOKENS } from '../rebuiltBlocks.js'
import { createNumbering } from '../requestRows.js'
import { plural } from '../words.js'
import type { Format, ReaderContext, TraceReader } from './format.js'

const COLUMNS = ['session_id', 'arrival_time', 'round_idx', 'prefix_len', 'input_len', 'output_len', 'tool_wait_after_ms']
const NEWLINE = 10

export const tracelabReplay: Format = {
  recognises: ({ columns }) =>
    ['sessionid', 'roundidx', 'prefixlen', 'inputlen', 'outputlen'].every((name) => columns.includes(name)),
  heeds: ['blockTokens'],
  createReader: tracelabReplayReader,
}

function tracelabReplayReader(context: ReaderContext): TraceReader {
  const { path, options, rows, skips, outputTokens } = context
  const blockTokens = options.blockTokens ?? REBUILT_BLOCK_TOKENS
  const blocks = createRebuiltBlocks(blockTokens)
  const clock = createJsonClock(NS_PER_MS)
  const sessions = createNumbering<string>()
  /** Latest row of each session, -1 where all its rounds so far were skipped, and the wait after it. */
  const latest = new Map<string, { row: number; waitNs: number }>()
  let header: readonly string[] | null = null
  let separator = ','
  let number = 0
  let rowsRead = 0

  const addRow = (line: JsonRow): void => {
    const prefix = tokenCount(line, 'prefix_len', 0)
    const isl = prefix + tokenCount(line, 'input_len', prefix === 0 ? 1 : 0)
    if (isl > MAX_TOKENS) throw new RowFault(`prefix_len and input_len are above ${MAX_TOKENS}`)
    const given = outputCount(line, 'output_len')
    const waitAfterNs = line.tool_wait_after_ms === undefined ? 0 : duration(line, 'tool_wait_after_ms', NS_PER_MS)
    if (line.session_id === undefined) throw new RowFault('session_id is missing')
    const session = String(line.session_id)
    const { row: before, waitNs } = latest.get(session) ?? { row: -1, waitNs: 0 }
    const timeNs = clock.ns(line.arrival_time, 'arrival_time')
    const osl = outputTokens(given, number)
    if (osl === 0) {
      latest.set(session, { row: before, waitNs: waitNs + waitAfterNs })
      return
    }
    const row = rows.add(before < 0 ? timeNs + waitNs : Number.NaN, isl, osl)
    rows.session.set(row, sessions.of(session))
    rows.parent.set(row, before)
    rows.waitNs.set(row, before < 0 ? 0 : waitNs)
    blocks.push(rows, session, isl, prefix)
    latest.set(session, { row, waitNs: waitAfterNs })
  }
  const consume = (bytes: Buffer, start: number, end: number): void => {
    while (start < end) {
      const next = bytes.indexOf(NEWLINE, start) + 1
      const text = bytes.toString('utf8', start, next - 1).trim()
      start = next
      number++
      if (text === '' || text.startsWith('#')) continue
      if (header === null) {
        separator = separatorOf(text)
        header = splitLine(text, separator).map((field) => COLUMNS.find((name) => bareName(name) === bareName(field)) ?? field)
        continue
      }
      rowsRead++
      try {
        addRow(rowOf(header, splitLine(text, separator)))
      } catch (error) {
        if (!(error instanceof RowFault)) throw error
        skips.skip(number, error.reason)
      }
    }
  }
  const lines = createLineSplitter(path, consume)
  return {
    push: lines.push,
    end: lines.end,
    rowsRead: () => rowsRead,
    findings: () => ({
      note: 'TraceLab replay list (CC-BY-4.0), read from a file.',
      blockTokens,
      notes: [
        'Time is in ms, as the publisher says; it is that of the session, whose later rounds wait for their answers and tools.',
        `${plural(sessions.size, 'session', 'sessions')}. A prompt is prefix_len and input_len together.`,
        `Prefix blocks of ${blockTokens} tokens rebuilt from prefix_len: a round shares them with the round before it, at most its whole prompt.`,
        ...(header === null ? [] : unusedOf(header)),
      ],
    }),
  }
}

/** Numbers as numbers; whatever is none stays text, for the fields to refuse. */
function rowOf(header: readonly string[], fields: readonly string[]): JsonRow {
  if (fields.length !== header.length) throw new RowFault(`the row has another number of fields than ${header.length}`)
  return Object.fromEntries(
    header.map((name, i) => [
      name,
      name !== 'session_id' && /^-?\d+(\.\d+)?$/.test(fields[i]) ? Number(fields[i]) : fields[i] || undefined,
    ]),
  )
}

function unusedOf(header: readonly string[]): string[] {
  const unused = header.filter((name) => !COLUMNS.includes(name))
  return unused.length === 0 ? [] : [`Columns not used: ${unused.slice(0, 20).join(', ')}.`]
}

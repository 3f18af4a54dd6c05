/**
 * Mooncake JSON lines: timestamp (ms), input_length, output_length, hash_ids (prefix blocks; the n-th id names the whole prefix so far). Dynamo and
 * AIPerf add sessions: session_id, and for later turns delay or delay_ms after the answer before; Dynamo's agentic form names requests (request_id) and
 * those they wait for (wait_for), with tool_wait_ms. Our own files may say the tokens per block: block_size, in some row.
 */
import { NS_PER_MS } from '../../units.js'
import {
  blockIds,
  checkedTokens,
  createJsonClock,
  duration,
  type JsonClock,
  type JsonRow,
  label,
  outputCount,
  timeFindings,
  tokenCount,
} from '../json/fields.js'
import { createUnusedKeys, jsonLinesReader } from '../json/lines.js'
import { RowFault } from '../json/rowFault.js'
import { createNumbering } from '../requestRows.js'
import { unitOf } from '../units.js'
import { createWaitList } from '../waitList.js'
import { plural } from '../words.js'
import type { Format, ReaderContext, TraceReader } from './format.js'

const SESSION_KEYS = ['session_id', 'created_time', 'delay', 'delay_ms', 'request_id', 'wait_for', 'tool_wait_ms']
const KEYS = ['timestamp', 'input_length', 'output_length', 'hash_ids', 'block_size', ...SESSION_KEYS]

export const mooncake: Format = {
  recognises: ({ keys, isList }) => !isList && keys.has('input_length') && keys.has('output_length'),
  heeds: ['timeUnit', 'blockTokens'],
  namesBlocks: true,
  createReader: mooncakeReader,
}

function mooncakeReader(context: ReaderContext): TraceReader {
  const { options, rows, outputTokens } = context
  const ids = options.blockNumbers ?? createNumbering<number | string>()
  const unused = createUnusedKeys(KEYS)
  const turns = createTurns(context)
  let blockTokens = 0
  return jsonLinesReader(context, {
    addRow(line, number) {
      const isl = tokenCount(line, 'input_length', 1)
      const given = outputCount(line, 'output_length')
      const blocks = blockIds(line, 'hash_ids', isl)
      const turn = turns.read(line)
      const osl = outputTokens(given, number)
      if (osl === 0) {
        turns.skip(turn)
        return
      }
      unused.look(line)
      if (blocks.length > 0 && line.block_size !== undefined && line.block_size !== null) {
        const size = checkedTokens(line.block_size, 'block_size', 1)
        if (blockTokens !== 0 && size !== blockTokens) throw new RowFault(`block_size is ${size}, but ${blockTokens} before`)
        blockTokens = size
      }
      turns.relate(rows.add(turn.timeNs, isl, osl), turn)
      for (const id of blocks) rows.pushBlock(ids.of(id))
    },
    end: turns.end,
    findings: () => ({
      note: 'Mooncake JSON lines, read from a file.',
      blockTokens,
      unitless: turns.times().unitless,
      notes: [
        ...turns.notes(),
        ...(turns.sessions() > 0
          ? ['Each input_length is taken as the whole prompt of its turn; mooncake-delta is the form where it is the new part.']
          : []),
        ...unused.notes(),
      ],
    }),
  })
}

/** When a request is sent: at a time (NaN: when those that it waits for have ended), as part of a session. */
export interface Turn {
  readonly timeNs: number
  readonly session: string | null
  readonly requestId: string | null
  readonly waitFor: readonly string[]
  /** Those of the skipped turns before it in its session included. */
  readonly waitNs: number
  readonly hasWait: boolean
}

/** Turns of sessions, in every form that extends Mooncake's. */
export function createTurns({ rows, options, path }: ReaderContext) {
  const clock: JsonClock = createJsonClock(unitOf(options.columns?.timeUnit ?? 'ms', path))
  const sessions = createNumbering<string>()
  const latest = new Map<string, number>()
  const skippedWaits = new Map<string, number>()
  /** Times of the first turns of sessions of which all turns so far were skipped. */
  const skippedStarts = new Map<string, number>()
  /** Whom such a session waits for, where its first turn names them. */
  const skippedForks = new Map<string, readonly string[]>()
  const waits = createWaitList()
  let noDelay = 0
  let recorded = 0
  let lost = 0
  const times = () => timeFindings(clock, options.columns?.timeUnit, 'Time is in ms, as Mooncake defines it.')
  const timeOf = (line: JsonRow, mayWait: boolean): number => {
    const key = 'timestamp' in line || !('created_time' in line) ? 'timestamp' : 'created_time'
    return line[key] === undefined && mayWait ? Number.NaN : clock.ns(line[key], key)
  }
  return {
    read(line: JsonRow): Turn {
      const session = label(line, 'session_id')
      const requestId = label(line, 'request_id')
      const named = waitedFor(line)
      const isTurn = named.length === 0 && session !== null
      const waitFor = isTurn && !latest.has(session) ? (skippedForks.get(session) ?? named) : named
      const waitKey = ['delay', 'delay_ms', 'tool_wait_ms'].find((key) => line[key] !== undefined && line[key] !== null)
      const skippedNs = isTurn ? (skippedWaits.get(session) ?? 0) : 0
      const waitNs = skippedNs + (waitKey === undefined ? 0 : duration(line, waitKey, NS_PER_MS))
      const startNs = session === null || latest.has(session) ? undefined : skippedStarts.get(session)
      const given = timeOf(line, waitFor.length > 0 || startNs !== undefined || (session !== null && latest.has(session)))
      const isFirst = startNs !== undefined && waitFor.length === 0 && Number.isNaN(given)
      const timeNs = isFirst ? startNs + waitNs : given
      return { timeNs, session, requestId, waitFor, waitNs, hasWait: waitKey !== undefined }
    },
    /**
     * The turn is left out: the next one, and who names it, waits for those before it, and as long in addition; without any it comes at its
     * time.
     */
    skip({ session, requestId, waitFor, waitNs, timeNs }: Turn): void {
      const before = session === null || waitFor.length > 0 ? undefined : latest.get(session)
      if (requestId !== null) waits.skip(requestId, { waitFor, row: before, waitNs, timeNs })
      if (session === null) return
      if (!latest.has(session) && !Number.isNaN(timeNs)) {
        skippedStarts.set(session, timeNs)
        return
      }
      if (!latest.has(session)) skippedForks.set(session, waitFor)
      skippedWaits.set(session, waitNs)
    },
    relate(row: number, turn: Turn): void {
      const { session, requestId, waitFor, waitNs, timeNs } = turn
      if (requestId !== null) waits.name(requestId, row)
      if (session !== null) {
        rows.session.set(row, sessions.of(session))
        skippedWaits.delete(session)
        const before = latest.get(session)
        if (waitFor.length === 0 && before !== undefined) {
          rows.parent.set(row, before)
          rows.waitNs.set(row, waitNs)
          if (!turn.hasWait && Number.isNaN(timeNs)) noDelay++
          else if (!turn.hasWait) recorded++
        }
        latest.set(session, row)
      }
      if (waitFor.length > 0) {
        waits.add(row, waitFor)
        rows.waitNs.set(row, waitNs)
      }
    },
    end(): void {
      lost = waits.relate(rows)
    },
    sessions: () => sessions.size,
    times,
    notes: (): string[] => [
      ...times().notes,
      ...(sessions.size > 0 ? [`${plural(sessions.size, 'session', 'sessions')} by session_id.`] : []),
      ...(noDelay > 0
        ? [
            `${plural(noDelay, 'turn has', 'turns have')} neither a time nor a delay: sent as soon as the answer before is complete.`,
          ]
        : []),
      ...(recorded > 0
        ? [
            `${plural(recorded, 'turn has', 'turns have')} a time but no delay: waits are unknown and taken as 0 in a closed loop.`,
          ]
        : []),
      ...(lost > 0 ? [`${plural(lost, 'request is', 'requests are')} waited for by several, and only the first two wait.`] : []),
    ],
  }
}

function waitedFor(line: JsonRow): readonly string[] {
  const given = line.wait_for
  if (given === undefined || given === null) return []
  const list = Array.isArray(given) ? given : [given]
  if (!list.every((id) => typeof id === 'string' || typeof id === 'number'))
    throw new RowFault('wait_for is not a list of ids of requests')
  return list.map(String)
}

/**
 * Dynamo's request trace (schema dynamo.request.trace.v1): {timestamp, event} a line. A `request_end` is a request; tool events lie inside the waits
 * between the requests. Measured times tell who waited for whom and how long, and are not used otherwise. Hashes are 64-bit and chained.
 */
import { UserError } from '../../errors.js'
import { NS_PER_MS } from '../../units.js'
import {
  blockIds,
  checkedTokens,
  createJsonClock,
  duration,
  isObject,
  type JsonRow,
  label,
  outputCount,
  tokenCount,
} from '../json/fields.js'
import { jsonLinesReader } from '../json/lines.js'
import { RowFault } from '../json/rowFault.js'
import { createRecordedSessions } from '../recordedSessions.js'
import { createNumbering } from '../requestRows.js'
import { plural } from '../words.js'
import type { Format, ReaderContext, TraceReader } from './format.js'

const SCHEMA = 'dynamo.request.trace.v1'
const TOOLS = ['tool_start', 'tool_end', 'tool_error']

export const dynamo: Format = {
  recognises: ({ keys, text }) => (keys.has('event.schema') || keys.has('schema')) && text.includes('dynamo.request.trace'),
  heeds: ['blockTokens'],
  namesBlocks: true,
  createReader: dynamoReader,
}

function dynamoReader(context: ReaderContext): TraceReader {
  const { options, path, rows, outputTokens } = context
  const clock = createJsonClock(NS_PER_MS)
  const ids = options.blockNumbers ?? createNumbering<number | string>()
  const sessions = createRecordedSessions()
  const counts = { events: 0, tools: 0, sessions: 0 }
  let blockTokens = 0

  const addRequest = (event: JsonRow, line: number): void => {
    const request = objectIn(event, 'request')
    const replay = isObject(request.replay) ? request.replay : {}
    const isl = tokenCount(
      'input_tokens' in request ? request : replay,
      'input_tokens' in request ? 'input_tokens' : 'input_length',
      1,
    )
    const given = outputCount(request, 'output_tokens')
    const hashes = blockIds(replay, 'input_sequence_hashes', isl)
    if (hashes.length > 0) {
      const size = checkedTokens(replay.trace_block_size, 'trace_block_size', 1)
      if (blockTokens === 0) blockTokens = size
      if (size !== blockTokens) throw new RowFault(`trace_block_size is ${size}, but ${blockTokens} before`)
    }
    const agent = isObject(event.agent_context) ? event.agent_context : {}
    const session = label(agent, 'session_id')
    const parent = label(agent, 'parent_session_id') ?? label(agent, 'parent')
    const lastsNs = request.total_time_ms === undefined ? Number.NaN : duration(request, 'total_time_ms', NS_PER_MS)
    const startNs = clock.ns(request.request_received_ms ?? event.event_time_unix_ms, 'request_received_ms')
    const osl = outputTokens(given, line)
    if (osl === 0) return
    const row = rows.add(startNs, isl, osl)
    for (const hash of hashes) rows.pushBlock(ids.of(hash))
    if (session !== null) sessions.note(row, session, startNs, startNs + lastsNs, parent)
  }
  const reader = jsonLinesReader(context, {
    addRow(line, number) {
      const event = isObject(line.event) ? line.event : line
      if (event.schema !== SCHEMA) {
        throw typeof event.schema === 'string' && event.schema.startsWith('dynamo.request.trace')
          ? new UserError({
              where: `${path}:${number}`,
              message: `the schema is ${event.schema.slice(0, 60)}; ${SCHEMA} is read`,
              hint: 'record the trace with a version of Dynamo that writes it',
            })
          : new RowFault(`schema is not ${SCHEMA}`)
      }
      const type = event.event_type
      if (type === 'request_end') addRequest(event, number)
      else if (typeof type === 'string' && (TOOLS.includes(type) || type === 'request_payload')) {
        counts.events++
        if (TOOLS.includes(type)) counts.tools++
      } else throw new RowFault('event_type is unknown')
    },
    end() {
      counts.sessions = sessions.relate(rows)
    },
    findings: () => ({
      note: 'Dynamo request trace, read from a file.',
      blockTokens,
      notes: [
        'Measured times are used for the arrivals and the waits between the requests of a session, and for nothing else.',
        `${plural(counts.sessions, 'session', 'sessions')}; ${plural(counts.tools, 'tool event lies', 'tool events lie')} inside the waits.`,
      ],
    }),
  })
  return { ...reader, rowsRead: () => reader.rowsRead() - counts.events }
}

function objectIn(row: JsonRow, key: string): JsonRow {
  const value = row[key]
  if (!isObject(value)) throw new RowFault(`${key} is no JSON object`)
  return value
}

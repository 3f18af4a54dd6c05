/**
 * TraceLab's rounds of coding agents (round_trace.jsonl): input_tokens_total, of which prefix_tokens were cached, output_tokens, and the times of
 * what went in and came out. There are no ids of prefix blocks: they are rebuilt per session.
 */
import { createJsonClock, isObject, type JsonRow, label, outputCount, tokenCount } from '../json/fields.js'
import { jsonLinesReader } from '../json/lines.js'
import { RowFault } from '../json/rowFault.js'
import { createRebuiltBlocks, REBUILT_BLOCK_TOKENS } from '../rebuiltBlocks.js'
import { createRecordedSessions } from '../recordedSessions.js'
import type { Format, ReaderContext, TraceReader } from './format.js'

/** Events that go into a round; all others come out of the model. */
const INPUTS = ['user_message', 'tool_result']

export const tracelab: Format = {
  recognises: ({ keys }) => keys.has('prefix_tokens') && keys.has('newly_append_tokens'),
  heeds: ['blockTokens'],
  createReader: tracelabReader,
}

function tracelabReader(context: ReaderContext): TraceReader {
  const { options, rows, outputTokens } = context
  const blockTokens = options.blockTokens ?? REBUILT_BLOCK_TOKENS
  const blocks = createRebuiltBlocks(blockTokens)
  const clock = createJsonClock(1)
  const sessions = createRecordedSessions()
  let unsharedTokens = 0
  return jsonLinesReader(context, {
    addRow(line, number) {
      const isl = tokenCount(line, 'input_tokens_total', 1)
      const prefix = Math.min(isl, tokenCount(line, 'prefix_tokens', 0))
      const given = outputCount(line, 'output_tokens')
      const session = label(line, 'session_id')
      const project = label(line, 'project')
      if (session === null) throw new RowFault('session_id is missing')
      const { startNs, endNs } = timesOf(line, (value) => clock.ns(value, 'timestamp'))
      const osl = outputTokens(given, number)
      if (osl === 0) return
      const row = rows.add(startNs, isl, osl)
      blocks.push(rows, session, isl, prefix)
      if (project !== null) rows.setTenantName(row, project)
      if (line.round_index === 0) unsharedTokens += prefix
      sessions.note(row, session, startNs, endNs)
    },
    end: () => {
      sessions.relate(rows)
    },
    findings: () => ({
      note: 'TraceLab rounds (CC-BY-4.0), read from a file.',
      blockTokens,
      notes: [
        `Prefix blocks of ${blockTokens} tokens rebuilt from prefix_tokens: a round shares them with the round before it in its session, at most its whole prompt.`,
        ...(unsharedTokens > 0
          ? [
              `First rounds found ${unsharedTokens} tokens cached by sessions that the file does not tell of: here they share nothing.`,
            ]
          : []),
        'A round begins with its last input and ends with its last output; recorded times of the service are used for the waits alone.',
      ],
    }),
  })
}

/** When the last input was there, and the last output. */
function timesOf(line: JsonRow, at: (value: unknown) => number): { startNs: number; endNs: number } {
  const events = line.timing_events
  if (!Array.isArray(events) || events.length === 0) throw new RowFault('timing_events is not a list of events')
  let inputNs = Number.NEGATIVE_INFINITY
  let firstNs = Number.POSITIVE_INFINITY
  let endNs = Number.NEGATIVE_INFINITY
  for (const event of events) {
    if (!isObject(event)) throw new RowFault('timing_events is not a list of events')
    const timeNs = at(event.timestamp)
    firstNs = Math.min(firstNs, timeNs)
    if (INPUTS.includes(event.event_type as string)) inputNs = Math.max(inputNs, timeNs)
    else endNs = Math.max(endNs, timeNs)
  }
  const startNs = Number.isFinite(inputNs) ? inputNs : firstNs
  return { startNs, endNs: endNs >= startNs ? endNs : Number.NaN }
}

/**
 * Requests that AIPerf measured (profile_export.jsonl): {metadata: {conversation_id, turn_index, request_start_ns, request_end_ns, ...}, metrics:
 * {input_sequence_length: {value, unit}, output_sequence_length, ...}, error}. Lines stand in the order of the ends.
 */
import { checkedTokens, createJsonClock, isObject, type JsonRow, label } from '../json/fields.js'
import { jsonLinesReader } from '../json/lines.js'
import { RowFault } from '../json/rowFault.js'
import { createRecordedSessions } from '../recordedSessions.js'
import { plural } from '../words.js'
import type { Format, ReaderContext, TraceReader } from './format.js'

const INPUT = ['input_sequence_length', 'input_token_count']
const OUTPUT = ['output_sequence_length', 'output_token_count']

export const aiperf: Format = {
  recognises: ({ keys }) => keys.has('metadata.request_start_ns') || (keys.has('metadata') && keys.has('metrics')),
  heeds: [],
  createReader: aiperfReader,
}

function aiperfReader(context: ReaderContext): TraceReader {
  const { rows, skips, outputTokens } = context
  const clock = createJsonClock(1)
  const sessions = createRecordedSessions()
  let conversations = 0
  let warmUps = 0
  return jsonLinesReader(context, {
    addRow(line, number) {
      const { metadata, metrics, error } = line
      if (!isObject(metadata)) throw new RowFault('metadata is no JSON object')
      if (metadata.benchmark_phase === 'warmup') {
        warmUps++
        skips.leaveOut(1, 'a request of the warm-up')
        return
      }
      if (error !== undefined && error !== null) {
        skips.skipFailed(number, 'the request failed')
        return
      }
      if (!isObject(metrics)) throw new RowFault('metrics is no JSON object')
      const isl = checkedTokens(metricOf(metrics, INPUT), INPUT[0], 1)
      const output = metricOf(metrics, OUTPUT)
      const given = output === undefined ? -1 : checkedTokens(output, OUTPUT[0], 0)
      const conversation = label(metadata, 'conversation_id')
      const startNs = clock.ns(metadata.request_start_ns, 'request_start_ns')
      const ended = metadata.request_end_ns
      const endNs = ended === undefined || ended === null ? Number.NaN : clock.ns(ended, 'request_end_ns')
      const osl = outputTokens(given, number)
      if (osl === 0) return
      const row = rows.add(startNs, isl, osl)
      if (conversation !== null) sessions.note(row, conversation, startNs, endNs)
    },
    end() {
      conversations = sessions.relate(rows)
    },
    findings: () => ({
      note: 'Requests measured by AIPerf, read from a file.',
      notes: [
        `${plural(conversations, 'conversation', 'conversations')}; measured times are used for the arrivals and the waits between turns, and for nothing else.`,
        ...(warmUps > 0 ? [`${plural(warmUps, 'request', 'requests')} of the warm-up left out.`] : []),
      ],
    }),
  })
}

/** The value of the first of these metrics that is there. */
function metricOf(metrics: JsonRow, names: readonly string[]): unknown {
  const metric = names.map((name) => metrics[name]).find((value) => value !== undefined && value !== null)
  return isObject(metric) ? metric.value : metric
}

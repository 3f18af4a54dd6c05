/**
 * OpenTelemetry spans of generative AI, as inference-perf and agents record them: OTLP JSON (resourceSpans, scopeSpans, spans) or one span an object
 * (context, parent_id, start_time, end_time, attributes). A span with gen_ai.usage.input_tokens is a request, unless its operation is not inference; a trace
 * is a session.
 */
import { checkedTokens, createJsonClock, isObject, type JsonClock, type JsonRow } from '../json/fields.js'
import { RowFault } from '../json/rowFault.js'
import { createWholeJson } from '../json/whole.js'
import { createRecordedSessions } from '../recordedSessions.js'
import { plural } from '../words.js'
import type { Format, ReaderContext, TraceReader } from './format.js'

const INPUT = ['gen_ai.usage.input_tokens', 'gen_ai.usage.prompt_tokens']
const OUTPUT = ['gen_ai.usage.output_tokens', 'gen_ai.usage.completion_tokens']
/** Operations that generate no text, or only by the spans in them, whose tokens they may sum up. */
const NO_INFERENCE = ['create_agent', 'invoke_agent', 'invoke_workflow', 'execute_tool', 'embeddings', 'retrieval']

export const otel: Format = {
  recognises: ({ keys, text }) => keys.has('resourceSpans') || (text.includes('"gen_ai.') && keys.has('attributes')),
  heeds: [],
  createReader: otelReader,
}

function otelReader(context: ReaderContext): TraceReader {
  const { path, rows, skips, outputTokens } = context
  const whole = createWholeJson(path)
  const clock = createJsonClock(1)
  const sessions = createRecordedSessions()
  const counts = { requests: 0, others: 0, spans: 0, sessions: 0 }
  const addSpan = (span: JsonRow): void => {
    counts.spans++
    const attributes = attributesOf(span)
    const input = INPUT.map((name) => attributes.get(name)).find((value) => value !== undefined)
    if (input === undefined) return
    const operation = NO_INFERENCE.find((name) => name === attributes.get('gen_ai.operation.name'))
    if (operation !== undefined) {
      counts.others++
      skips.leaveOut(1, `the operation ${operation} generates no text of its own`)
      return
    }
    const within = `span ${counts.spans}`
    counts.requests++
    try {
      const isl = checkedTokens(wholeOf(input), INPUT[0], 1)
      const output = OUTPUT.map((name) => attributes.get(name)).find((value) => value !== undefined)
      const given = output === undefined ? -1 : checkedTokens(wholeOf(output), OUTPUT[0], 0)
      const startNs = timeOf(clock, span.startTimeUnixNano ?? span.start_time, 'the start of the span')
      const endNs = timeOf(clock, span.endTimeUnixNano ?? span.end_time, 'the end of the span')
      const osl = outputTokens(given, 1, within)
      if (osl === 0) return
      const row = rows.add(startNs, isl, osl)
      const trace = span.traceId ?? (isObject(span.context) ? span.context.trace_id : undefined)
      if (typeof trace === 'string') sessions.note(row, trace, startNs, endNs)
    } catch (error) {
      if (!(error instanceof RowFault)) throw error
      skips.skip(1, error.reason, within)
    }
  }
  return {
    push: whole.push,
    end() {
      for (const object of whole.objects()) for (const span of spansIn(object)) addSpan(span)
      counts.sessions = sessions.relate(rows)
    },
    rowsRead: () => counts.requests + counts.others,
    findings: () => ({
      note: 'OpenTelemetry spans of generative AI, read from a file.',
      notes: [
        `${plural(counts.requests, 'request', 'requests')} among ${plural(counts.spans, 'span', 'spans')}, in ${plural(counts.sessions, 'trace', 'traces')}, each taken as a session.`,
        'Measured times are used for the arrivals and the waits between the requests of a session, and for nothing else.',
      ],
    }),
  }
}

const listOf = (value: unknown): JsonRow[] => (Array.isArray(value) ? value.filter(isObject) : [])

function spansIn(object: JsonRow): JsonRow[] {
  if (!('resourceSpans' in object)) return [object]
  return listOf(object.resourceSpans)
    .flatMap((resource) => listOf(resource.scopeSpans ?? resource.instrumentationLibrarySpans))
    .flatMap((scope) => listOf(scope.spans))
}

/** OTLP lists {key, value: {intValue: "12"}}; other exporters write a mapping. */
function attributesOf(span: JsonRow): Map<string, unknown> {
  if (isObject(span.attributes)) return new Map(Object.entries(span.attributes))
  return new Map(
    listOf(span.attributes).map(({ key, value }) => [
      String(key),
      isObject(value) ? (value.intValue ?? value.doubleValue ?? value.stringValue) : value,
    ]),
  )
}

/** OTLP writes whole numbers as text. */
const wholeOf = (value: unknown): unknown => (typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value)

/** Unix ns, which OTLP writes as text, or a date. */
function timeOf(clock: JsonClock, value: unknown, what: string): number {
  return clock.ns(value ?? undefined, what)
}

/**
 * Requests of LLMServingSim: input_toks, output_toks, arrival_time_ns (or arrival_time, Unix s, in its measured runs); or sessions
 * {session_id, arrival_time_ns, sub_requests: [{input_toks, output_toks, tool_duration_ns}]} of which each request waits for the tool of the one before.
 */
import { NS_PER_S } from '../../units.js'
import { createJsonClock, duration, isObject, type JsonRow, outputCount, tokenCount } from '../json/fields.js'
import { createUnusedKeys, jsonLinesReader } from '../json/lines.js'
import { RowFault } from '../json/rowFault.js'
import type { Format, ReaderContext, TraceReader } from './format.js'

const KEYS = ['input_toks', 'output_toks', 'arrival_time_ns', 'arrival_time', 'sub_requests', 'request_id']

export const llmservingsim: Format = {
  recognises: ({ keys }) => keys.has('sub_requests') || (keys.has('input_toks') && keys.has('output_toks')),
  heeds: [],
  createReader: llmservingsimReader,
}

function llmservingsimReader(context: ReaderContext): TraceReader {
  const { rows, skips, outputTokens } = context
  const clocks = { arrival_time_ns: createJsonClock(1), arrival_time: createJsonClock(NS_PER_S) } as const
  let clockKey: keyof typeof clocks | null = null
  const unused = createUnusedKeys(KEYS)
  let sessions = 0
  let inner = 0
  const arrival = (line: JsonRow): number => {
    const key = 'arrival_time_ns' in line ? 'arrival_time_ns' : 'arrival_time'
    if (clockKey !== null && key !== clockKey) throw new RowFault(`${clockKey} is missing`)
    const timeNs = clocks[key].ns(line[key], key)
    clockKey = key
    return timeNs
  }
  const addSession = (line: JsonRow, requests: readonly unknown[], number: number): void => {
    const startNs = arrival(line)
    // the line is counted as a row already, its requests are the rows
    inner--
    const session = sessions++
    let before = -1
    let waitNs = 0
    requests.forEach((request, at) => {
      inner++
      const within = `request ${at + 1} of the session`
      try {
        if (!isObject(request)) throw new RowFault('the request is no JSON object')
        const isl = tokenCount(request, 'input_toks', 1)
        const given = outputCount(request, 'output_toks')
        const toolNs = request.tool_duration_ns === undefined ? 0 : duration(request, 'tool_duration_ns', 1)
        const osl = outputTokens(given, number, within)
        if (osl > 0) {
          const row = rows.add(before < 0 ? startNs + waitNs : Number.NaN, isl, osl)
          rows.session.set(row, session)
          rows.parent.set(row, before)
          rows.waitNs.set(row, before < 0 ? 0 : waitNs)
          before = row
          waitNs = 0
        }
        waitNs += toolNs
      } catch (error) {
        if (!(error instanceof RowFault)) throw error
        skips.skip(number, error.reason, within)
      }
    })
  }
  const reader = jsonLinesReader(context, {
    addRow(line, number) {
      if (Array.isArray(line.sub_requests)) {
        unused.look(line, 'session_id')
        addSession(line, line.sub_requests, number)
        return
      }
      unused.look(line)
      const isl = tokenCount(line, 'input_toks', 1)
      const given = outputCount(line, 'output_toks')
      const timeNs = arrival(line)
      const osl = outputTokens(given, number)
      if (osl > 0) rows.add(timeNs, isl, osl)
    },
    findings: () => ({
      note: 'Requests of LLMServingSim, read from a file.',
      notes: [...(clockKey === 'arrival_time' ? ['Time is in s, as arrival_time of measured runs is.'] : []), ...unused.notes()],
    }),
  })
  return { ...reader, rowsRead: () => reader.rowsRead() + inner }
}

/**
 * Results of `vllm bench serve --save-detailed` and of SGLang's bench_serving: lists input_lens and output_lens with one entry a request, in newer
 * ones start_times (s), and errors.
 */
import { UserError } from '../../errors.js'
import { NS_PER_S } from '../../units.js'
import { checkedTokens, createJsonClock, type JsonRow } from '../json/fields.js'
import { RowFault } from '../json/rowFault.js'
import { createWholeJson } from '../json/whole.js'
import type { Format, ReaderContext, TraceReader } from './format.js'

export const bench: Format = {
  recognises: ({ keys }) => keys.has('input_lens') && (keys.has('output_lens') || keys.has('ttfts')),
  heeds: [],
  createReader: benchReader,
}

function benchReader(context: ReaderContext): TraceReader {
  const { path, rows, skips, outputTokens } = context
  const whole = createWholeJson(path)
  const clock = createJsonClock(NS_PER_S)
  let count = 0
  let timed = false
  const addRow = (run: JsonRow, at: number): void => {
    const of = (key: string): unknown => (Array.isArray(run[key]) ? run[key][at] : undefined)
    const within = `request ${at + 1}`
    try {
      const error = of('errors')
      const isl = checkedTokens(of('input_lens'), 'input_lens', 1)
      const output = of('output_lens')
      const given = output === undefined || output === null ? -1 : checkedTokens(output, 'output_lens', 0)
      const timeNs = timed ? clock.ns(of('start_times'), 'start_times') : 0
      if (typeof error === 'string' && error !== '') {
        skips.skipFailed(1, 'the request failed', within)
        return
      }
      const osl = outputTokens(given, 1, within)
      if (osl > 0) rows.add(timeNs, isl, osl)
    } catch (fault) {
      if (!(fault instanceof RowFault)) throw fault
      skips.skip(1, fault.reason, within)
    }
  }
  return {
    push: whole.push,
    end() {
      const runs = whole.objects().filter((run) => Array.isArray(run.input_lens))
      if (runs.length !== 1) {
        throw new UserError({
          where: path,
          message: `the file holds ${runs.length} runs with input_lens; one is read`,
          hint: 'keep the line of one run, recorded with --save-detailed or --output-details',
        })
      }
      const [run] = runs
      const inputs = run.input_lens as unknown[]
      timed = Array.isArray(run.start_times) && run.start_times.length === inputs.length
      count = inputs.length
      for (let at = 0; at < count; at++) addRow(run, at)
    },
    rowsRead: () => count,
    findings: () => ({
      note: 'Requests of a benchmark by vLLM or SGLang, read from its result.',
      notes: [
        timed
          ? 'Time is in s, from start_times; measured latencies are not used.'
          : 'The result has no start times: it is a table of lengths. Measured latencies are not used.',
      ],
    }),
  }
}

/** The work of `trace inspect`. */
import { statSync } from 'node:fs'
import { columns } from '../reports/columns.js'
import { traceJson } from '../reports/trace/json.js'
import { readTrace, statisticsWarnings, traceStatistics } from '../traces/index.js'
import { printJson, printResult, remark } from './output.js'
import type { TraceInput } from './traceInput.js'

export async function inspectTrace(input: TraceInput, format: string): Promise<void> {
  if (statSync(input.file, { throwIfNoEntry: false })?.isDirectory()) {
    const { inspectPool } = await import('./inspectPool.js')
    inspectPool(input, format)
    return
  }
  const { workload, report } = await readTrace(input.file, { ...input, keepTicks: !input.spreadTicks })
  const statistics = traceStatistics(workload)
  const warnings = [...report.notes, ...statisticsWarnings(workload, statistics)]
  const json = traceJson(workload, report, statistics, warnings)
  if (format === 'json') {
    printJson(json)
    return
  }
  for (const note of report.notes) remark(note)
  printResult(`${workload.provenance.name}: ${workload.count} requests (${workload.provenance.format})`)
  printResult(columns(flatten(json)))
}

/** Nested numbers as rows of (dotted name, value); long lists are left out. */
function flatten(value: object, prefix = ''): string[][] {
  return Object.entries(value).flatMap(([key, entry]): string[][] => {
    if (entry === null) return [[prefix + key, '–']]
    if (typeof entry === 'number') return [[prefix + key, String(Number(entry.toPrecision(6)))]]
    if (typeof entry === 'object' && !Array.isArray(entry)) return flatten(entry as object, `${prefix}${key}.`)
    return typeof entry === 'string' ? [[prefix + key, entry]] : []
  })
}

/** The work of `trace inspect`. */
import { statSync } from 'node:fs'
import { UserError } from '../../errors.js'
import { traceJson } from '../../reports/trace/json.js'
import { traceTable } from '../../reports/trace/table.js'
import { VERSION } from '../../scenario/version.js'
import { statisticsWarnings, type TraceStatistics, traceHash, tracePictures, traceStatistics } from '../../traces/index.js'
import { printJson, printResult, remark, terminalColumns } from '../output.js'
import { demandPage, writeOutput } from '../outputFile.js'
import { readAsRecorded, type TraceInput, tickNotes } from './traceInput.js'

export interface InspectRequest {
  readonly format: string
  /** Sizes of LRU prefix caches, tokens; the published ones by default. */
  readonly lruTokens?: readonly number[]
  /** The page to write. */
  readonly html?: string
  /** Options on reading that were given; a pool takes none. */
  readonly given: readonly string[]
}

/** Lines of a table are at most this wide, columns. */
const WIDEST = 110
const PAGE_SIZES = { rateBins: 300, lengthBins: 60, heatBins: 28 }

export async function inspectTrace(input: TraceInput, { format, lruTokens, html, given }: InspectRequest): Promise<void> {
  if (statSync(input.file, { throwIfNoEntry: false })?.isDirectory()) {
    const idle = [...(lruTokens === undefined ? [] : ['--lru']), ...(html === undefined ? [] : ['--html']), ...given]
    if (idle.length > 0)
      throw new UserError({ where: idle[0], message: 'a pool has no requests to which this could apply', hint: 'leave it out' })
    const { inspectPool } = await import('./inspectPool.js')
    inspectPool(input.file, format)
    return
  }
  demandPage('--html', html, [input.file])
  const { workload, report } = await readAsRecorded(input)
  const statistics = traceStatistics(workload, { lruTokens })
  if (lruTokens !== undefined) demandCaches(statistics.prefixes)
  const warnings = [...report.notes, ...tickNotes(input, [report]), ...statisticsWarnings(workload, statistics)]
  const name = workload.provenance.name
  if (html !== undefined) {
    const { traceHtml } = await import('../../reports/trace/html.js')
    const pictures = tracePictures(workload, PAGE_SIZES)
    writeOutput(
      '--html',
      html,
      traceHtml({
        name,
        format: report.format,
        statistics,
        pictures,
        warnings,
        hash: traceHash(workload),
        version: VERSION,
      }),
    )
  }
  if (format === 'json') {
    printJson(traceJson(workload, report, statistics, warnings))
    return
  }
  for (const warning of warnings) remark(warning)
  const width = terminalColumns(WIDEST)
  const pictures = tracePictures(workload, { ...PAGE_SIZES, lengthBins: width - 2 })
  printResult(traceTable({ name, format: report.format, statistics, pictures, width }))
}

/** Throws where no cache of any size has a hit rate. */
function demandCaches(prefixes: TraceStatistics['prefixes']): void {
  if (prefixes?.lru.some(({ published }) => published !== null)) return
  const why =
    prefixes === null
      ? 'the trace has no ids of prefix blocks'
      : prefixes.unchained > 0
        ? 'the ids of its blocks do not name whole prefixes'
        : 'some requests wait for others, so it is not known in which order a cache would see them'
  throw new UserError({ where: '--lru', message: `has no effect: ${why}`, hint: 'leave it out' })
}

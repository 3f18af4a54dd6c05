/** The work of `validate kernels`: predict, print groups or rows. */

import { columns } from '../../reports/columns.js'
import { createProgress } from '../../reports/progress.js'
import { type KernelGroup, type KernelValidation, kernelFiles, predictKernels } from '../../validation/kernels/predictRows.js'
import { printResult, remark } from '../output.js'

const percent = (value: number): string => value.toFixed(value < 0.995 ? 2 : 1)
const pair = (error: { median_pct: number; p90_pct: number } | null): string =>
  error ? `${percent(error.median_pct)} / ${percent(error.p90_pct)}` : ''

function table(groups: readonly KernelGroup[]): string {
  const cells = groups.map((group, i) => [
    groups[i - 1]?.file === group.file ? '' : group.file.replace(/\.csv(\.gz)?$/, ''),
    group.group,
    String(group.rows),
    pair(group),
    pair(group.interpolation),
  ])
  return columns([['file', 'operation and type', 'rows', 'median / p90 %', 'interpolation %'], ...cells], [2, 3, 4])
}

/** One row a line: a folder of tables has some hundred thousand rows. */
function json({ rows, groups, unpredicted }: KernelValidation): string {
  const list = (items: readonly unknown[]): string => `[\n${items.map((item) => JSON.stringify(item)).join(',\n')}\n]`
  return `{"rows":${list(rows)},\n"groups":${list(groups)},\n"unpredicted":${unpredicted}}`
}

export function validateKernels(folder: string, format: string, quiet: boolean): void {
  const { files, ignored } = kernelFiles(folder)
  if (ignored.length > 0 && !quiet) remark(`not kernel tables, left alone: ${ignored.join(', ')}`)
  const progress = createProgress({ quiet })
  progress.stage('kernel files', files.length)
  const result = predictKernels(files, (done) => progress.update({ done, total: files.length }))
  progress.stop()
  if (format === 'json') {
    printResult(json(result))
    return
  }
  const reasons = new Map<string, number>()
  for (const { reason } of result.rows) if (reason) reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
  const lines = [...reasons].sort((a, b) => b[1] - a[1]).map(([reason, count]) => `  ${count} x ${reason}`)
  const missing =
    result.unpredicted === 0 ? '' : `\nwithout a prediction: ${result.unpredicted}\n${lines.slice(0, 10).join('\n')}`
  printResult(`${table(result.groups)}\n\n${result.rows.length} rows of ${files.length} files${missing}`)
}

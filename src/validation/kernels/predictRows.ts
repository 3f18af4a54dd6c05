/** Measured kernel rows predicted from the shipped tables, which are never made from them here. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { medianSorted, quantileSorted } from 'simple-statistics'
import { UserError } from '../../errors.js'
import type { MeasuredSystem } from '../../hardware/system.js'
import { type Family, fileFamily } from '../../timing/kernels/families.js'
import { predictor } from '../../timing/kernels/predict.js'
import { columnIndexes, readRowFile } from '../../timing/kernels/rows.js'
import { loadKernelTable } from '../../timing/slices.js'
import { sixDigits } from '../../units.js'
import { type ErrorPair, interpolationOf } from './interpolation.js'

export interface PredictedRow {
  readonly file: string
  /** 1-based; the header is line 1. */
  readonly line: number
  /** Null when the tables do not cover the row. With several columns of times: their sum. */
  readonly predicted_us: number | null
  readonly predicted_dispatch_us?: number
  readonly predicted_combine_us?: number
  readonly reason?: string
}

export interface KernelGroup extends ErrorPair {
  readonly file: string
  /** Values of the operation and type columns, and the column of times where there are several; `all` = the file. */
  readonly group: string
  /** Rows with a measurement and a prediction. */
  readonly rows: number
  /** Error of plain interpolation on rows left out of such a table; null when it is not known. */
  readonly interpolation: ErrorPair | null
}

export interface KernelValidation {
  readonly rows: readonly PredictedRow[]
  readonly groups: readonly KernelGroup[]
  readonly unpredicted: number
}

export interface KernelFile {
  readonly name: string
  readonly path: string
  readonly system: MeasuredSystem
  readonly family: Family
}

/** Kernel files of a folder and the other CSV files, which are left alone. */
export function kernelFiles(folder: string): { files: KernelFile[]; ignored: string[] } {
  let names: string[]
  try {
    names = readdirSync(folder).sort()
  } catch {
    throw new UserError({
      where: '--rows',
      message: `the folder ${folder} cannot be read`,
      hint: 'give a folder of kernel tables',
    })
  }
  const files: KernelFile[] = []
  const ignored: string[] = []
  for (const name of names) {
    const found = fileFamily(name)
    if (found) files.push({ name, path: join(folder, name), ...found })
    else if (/\.csv(\.gz)?$/.test(name)) ignored.push(name)
  }
  if (files.length === 0) {
    throw new UserError({
      where: '--rows',
      message: `${folder} holds no kernel tables`,
      hint: 'files are named like gb200_gemm_trtllm-1.3.0rc20.csv.gz: system, table, version',
    })
  }
  return { files, ignored }
}

/** Columns that split a file into groups of like rows. */
const groupColumns = (family: Family): readonly string[] =>
  family.site.filter((column) => /dtype$|^op_name$|^kernel_source$|^gemm_type$/.test(column))

/** Predicts the rows of one file and collects the errors of those that hold a measurement. */
function predictFile(file: KernelFile, errors: Map<string, number[]>): PredictedRow[] {
  const { name, path, system, family } = file
  const { columns, rows } = readRowFile(path)
  const siteAt = columnIndexes(path, columns, family.site)
  const sizesAt = columnIndexes(
    path,
    columns,
    family.axes.map(({ column }) => column),
  )
  const groupAt = columnIndexes(path, columns, groupColumns(family))
  const timesAt = family.times.map((time) => columns.indexOf(time))
  const predict = predictor(loadKernelTable(system), family)
  return rows.map(({ line, fields }) => {
    if (fields.length !== columns.length)
      return { file: name, line, predicted_us: null, reason: `${fields.length} fields, ${columns.length} columns` }
    const times = predict(
      siteAt.map((at) => fields[at]),
      sizesAt.map((at) => Number(fields[at])),
    )
    if (typeof times === 'string') return { file: name, line, predicted_us: null, reason: times }
    const group = groupAt.map((at) => fields[at]).join(' ')
    times.forEach((us, i) => {
      const measured = Number(fields[timesAt[i]] ?? '')
      if (measured > 0) note(errors, times.length > 1 ? family.times[i] : group, Math.abs(us / measured - 1))
    })
    const rounded = times.map(sixDigits)
    if (rounded.length === 1) return { file: name, line, predicted_us: rounded[0] }
    const [dispatch, combine] = rounded
    return {
      file: name,
      line,
      predicted_us: sixDigits(times[0] + times[1]),
      predicted_dispatch_us: dispatch,
      predicted_combine_us: combine,
    }
  })
}

function note(errors: Map<string, number[]>, group: string, error: number): void {
  const list = errors.get(group)
  if (list) list.push(error)
  else errors.set(group, [error])
}

function groupOf({ name, system, family }: KernelFile, group: string, list: number[]): KernelGroup {
  const sorted = list.sort((a, b) => a - b)
  const kinds = family.times.length > 1 ? [group] : group.split(' ')
  const known = kinds.map((kind) => interpolationOf(family.name, kind, system)).find((found) => found !== null) ?? null
  return {
    file: name,
    group,
    rows: sorted.length,
    median_pct: 100 * medianSorted(sorted),
    p90_pct: 100 * quantileSorted(sorted, 0.9),
    interpolation: known,
  }
}

/** All rows of the files. `onFile` is called before each. */
export function predictKernels(files: readonly KernelFile[], onFile: (done: number) => void): KernelValidation {
  const rows: PredictedRow[] = []
  const groups: KernelGroup[] = []
  files.forEach((file, done) => {
    onFile(done)
    const errors = new Map<string, number[]>()
    for (const row of predictFile(file, errors)) rows.push(row)
    if (errors.size > 1) groups.push(groupOf(file, 'all', [...errors.values()].flat()))
    for (const [group, list] of errors) groups.push(groupOf(file, group || 'all', list))
  })
  onFile(files.length)
  return { rows, groups, unpredicted: rows.filter(({ predicted_us: us }) => us === null).length }
}

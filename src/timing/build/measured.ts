/** One family of measured rows on its grid: all sites of both systems, the times that are missing as NaN. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { UserError } from '../../errors.js'
import { MEASURED_SYSTEMS, type MeasuredSystem } from '../../hardware/system.js'
import { type Family, fileFamily, siteName } from '../kernels/families.js'
import { columnIndexes, readRowFile } from '../kernels/rows.js'

export interface Measured {
  readonly family: Family
  /** Column values of each site (and the column of times when there are several), in the order of their names. */
  readonly sites: readonly (readonly string[])[]
  /** Ascending sizes of each axis. */
  readonly grid: readonly (readonly number[])[]
  /** Natural log of us, [site][axes...]; a system that was not measured is absent. */
  readonly logUs: ReadonlyMap<MeasuredSystem, Float64Array>
}

/** Path of the file of a family, null when the system was not measured. */
export function familyFiles(folder: string): Map<string, string> {
  let names: string[]
  try {
    names = readdirSync(folder).sort()
  } catch {
    throw new UserError({
      where: '--kernels',
      message: `the folder ${folder} cannot be read`,
      hint: 'give the folder of the measured kernel tables',
    })
  }
  const files = new Map<string, string>()
  for (const name of names) {
    const found = fileFamily(name)
    if (!found) continue
    const key = `${found.system}/${found.family.name}`
    if (files.has(key)) throw new UserError({ where: '--kernels', message: `${folder} has several files of ${key}` })
    files.set(key, join(folder, name))
  }
  return files
}

interface Point {
  readonly site: string
  readonly sizes: readonly number[]
  readonly logUs: number
}

function pointsOf(family: Family, path: string, sites: Map<string, readonly string[]>): Point[] {
  const { columns, rows } = readRowFile(path)
  const siteAt = columnIndexes(path, columns, family.site)
  const axesAt = columnIndexes(
    path,
    columns,
    family.axes.map(({ column }) => column),
  )
  const timesAt = columnIndexes(path, columns, family.times)
  return rows.flatMap(({ fields }) => {
    const values = siteAt.map((at) => fields[at])
    return family.times.map((time, i) => {
      const site = siteName(family, values, time)
      if (!sites.has(site)) sites.set(site, site.split('/'))
      return { site, sizes: axesAt.map((at) => Number(fields[at])), logUs: Math.log(Number(fields[timesAt[i]])) }
    })
  })
}

/** Beyond this many times all of the next larger sizes a time is a disturbed measurement. Of our own choice: what is dropped is 1.7 to 41 times as long. */
const PEAK = Math.log(1.6)

/**
 * A time far above the next two along both axes counts as missing. Times should rise with both sizes and are made to, so one row of 458 us (one
 * sequence of 128 tokens, among rows of 11 us) made all decode attention of its heads five to six times as slow.
 */
function dropPeaks(logUs: Float64Array, columns: number, cells: number): void {
  const nextTwo = (at: number, step: number, end: number): number[] => {
    const next: number[] = []
    for (let i = at + step; i < end && next.length < 2; i += step) if (!Number.isNaN(logUs[i])) next.push(logUs[i])
    return next
  }
  for (let at = 0; at < logUs.length; at++) {
    if (Number.isNaN(logUs[at])) continue
    const along = nextTwo(at, 1, at - (at % columns) + columns)
    const across = nextTwo(at, columns, at - (at % cells) + cells)
    if (along.length > 0 && across.length > 0 && logUs[at] > PEAK + Math.max(...along, ...across)) logUs[at] = Number.NaN
  }
}

export function measure(family: Family, files: ReadonlyMap<string, string>): Measured {
  const found = new Map<string, readonly string[]>()
  const points = new Map<MeasuredSystem, Point[]>()
  for (const system of MEASURED_SYSTEMS) {
    const path = files.get(`${system}/${family.name}`)
    if (path) points.set(system, pointsOf(family, path, found))
  }
  const sites = [...found].sort((a, b) => (a[0] < b[0] ? -1 : 1))
  const siteAt = new Map(sites.map(([name], i) => [name, i]))
  const all = [...points.values()].flat()
  const grid = family.axes.map((_, axis) => [...new Set(all.map(({ sizes }) => sizes[axis]))].sort((a, b) => a - b))
  const at = grid.map((sizes) => new Map(sizes.map((size, i) => [size, i])))
  const cells = grid.reduce((product, sizes) => product * sizes.length, 1)
  const logUs = new Map<MeasuredSystem, Float64Array>()
  for (const [system, list] of points) {
    const values = new Float64Array(sites.length * cells).fill(Number.NaN)
    for (const { site, sizes, logUs: value } of list) {
      const cell = sizes.reduce((sum, size, axis) => sum * grid[axis].length + (at[axis].get(size) as number), 0)
      values[(siteAt.get(site) as number) * cells + cell] = value
    }
    if (grid.length === 2) dropPeaks(values, grid[1].length, cells)
    logUs.set(system, values)
  }
  return { family, sites: sites.map(([, values]) => values), grid, logUs }
}

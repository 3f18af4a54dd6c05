/** Files that a command writes at its end: looked at before the work begins, so that hours of it are not lost to a wrong path. */
import { accessSync, constants, existsSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { UserError, WRITE_REFUSALS } from '../errors.js'
import { textOf } from '../textFile.js'
import { fileAt, linkTarget, writeFileWhole } from '../wholeFile.js'

const cannotWrite = (flag: string, path: string, why: string): UserError =>
  new UserError({ where: flag, message: `cannot write ${path}: ${why}`, hint: 'name a writable file in a folder that exists' })

const whyNot = (error: unknown): string => {
  const { code = '', message } = error as NodeJS.ErrnoException
  return WRITE_REFUSALS[code] ?? message
}

/** Throws when `path` cannot be written, or is one of the files that the command reads. */
export function demandWritable(flag: string, path: string | undefined, inputs: readonly (string | null | undefined)[]): void {
  if (path === undefined) return
  const own = inputs.find((input) => typeof input === 'string' && isSameFile(input, path))
  if (own !== undefined) throw cannotWrite(flag, path, 'the command reads it')
  try {
    const place = linkTarget(path)
    const folder = dirname(resolve(place))
    if (fileAt(place) !== undefined) accessSync(place, constants.W_OK)
    // it is built there, and then takes its place
    accessSync(folder, constants.W_OK)
  } catch (error) {
    throw cannotWrite(flag, path, whyNot(error))
  }
}

/** `demandWritable` for the page of --docs, a part of which is written anew: the rest of what is no text would be lost. */
export function demandDocs(path: string | undefined, inputs: readonly (string | null | undefined)[]): void {
  demandWritable('--docs', path, inputs)
  if (path !== undefined) pageBefore(path)
}

/** The text of such a page, empty where none is there; to be read when it is written, for hours may have passed. */
export const pageBefore = (path: string): string => (existsSync(path) ? textOf(readFileSync(path), path) : '')

/** Throws when something is at `path` already. `overwrite`: what the flag of that name says; absent where the command has none. */
export function demandAbsent(where: string, path: string, overwrite?: boolean): void {
  if (overwrite === true || !existsSync(path)) return
  const hint = overwrite === undefined ? 'name another file' : 'choose another name, or add --overwrite'
  throw new UserError({ where, message: 'exists already', hint })
}

/** `demandWritable` for a file that must not be there yet, as those that the command reads are. */
export function demandNew(flag: string, path: string | undefined): void {
  if (path !== undefined) demandAbsent(`${flag} ${path}`, path)
  demandWritable(flag, path, [])
}

/** What a command writes: the flag that names it, null for a plain argument, and its path. */
export interface NamedOutput {
  readonly flag: string | null
  readonly path: string | undefined
}

/** Throws when two outputs are one file, however they are written, or one lies in the folder that the other is. */
export function demandDistinct(outputs: readonly NamedOutput[]): void {
  const given = outputs.flatMap(({ flag, path }) =>
    path === undefined ? [] : [{ name: flag === null ? path : `${flag} ${path}`, path, place: placeOf(path) }],
  )
  for (const [at, { name, path, place }] of given.entries()) {
    const clash = given
      .slice(0, at)
      .find((other) => isIn(place, other.place) || isIn(other.place, place) || isSameFile(path, other.path))
    if (clash !== undefined)
      throw new UserError({
        where: name,
        message: `would be written to the same place as ${clash.name}`,
        hint: 'name another file',
      })
  }
}

/** Where a path leads, through its own link and those of as much of it as is there. */
function placeOf(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    const whole = resolve(targetOf(path))
    const parent = dirname(whole)
    return parent === whole ? whole : join(placeOf(parent), basename(whole))
  }
}

function targetOf(path: string): string {
  try {
    return linkTarget(path)
  } catch {
    // refused where it is written
    return path
  }
}

/** Whether two paths are one file, through links of either kind. */
function isSameFile(path: string, other: string): boolean {
  if (placeOf(path) === placeOf(other)) return true
  try {
    const [one, two] = [path, other].map((name) => statSync(name, { bigint: true }))
    return one.dev === two.dev && one.ino === two.ino
  } catch {
    // one of them is not there
    return false
  }
}

const isIn = (place: string, other: string): boolean => place === other || place.startsWith(`${other}${sep}`)

/** `demandWritable` for a page: an old one is replaced, and nothing else is. */
export function demandPage(flag: string, path: string | undefined, inputs: readonly (string | null | undefined)[]): void {
  demandWritable(flag, path, inputs)
  if (path !== undefined && !/\.html?$/i.test(path))
    throw new UserError({ where: `${flag} ${path}`, message: 'is not the name of a page', hint: 'end it in .html' })
}

/** Removes a file that could not be written to its end: half of it would look like all. Never throws: why it could not be written is what counts. */
export function discard(path: string): void {
  try {
    rmSync(path, { force: true })
  } catch {
    // a path that leads nowhere: nothing was written
  }
}

/** Writes a file, or replaces one: whole, or not at all. */
export function writeOutput(flag: string, path: string, text: string): void {
  try {
    writeFileWhole(path, text)
  } catch (error) {
    throw cannotWrite(flag, path, whyNot(error))
  }
}

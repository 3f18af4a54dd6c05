/** Files written whole or not at all: under a temporary name beside their place, which they take when they are complete. A leaf. */
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  lstatSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { WRITE_REFUSALS } from './errors.js'

/** As many as Linux follows. */
const MOST_LINKS = 40

/** An error as of the file system, which has no code for some of these. */
const refusal = (code: 'EISDIR' | 'ELOOP' | 'ENOTFILE'): Error =>
  Object.assign(new Error(WRITE_REFUSALS[code]), { code, syscall: 'open' })

/** What a path leads to: itself, or what its link names, be it there or not. */
export function linkTarget(path: string): string {
  let at = path
  for (let links = 0; links <= MOST_LINKS; links++) {
    if (!lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink()) return at
    at = resolve(realpathSync(dirname(at)), readlinkSync(at))
  }
  throw refusal('ELOOP')
}

/** What is at `place`, no link. Throws for what is no file: a rename would put one where a device or a pipe was. */
export function fileAt(place: string): Stats | undefined {
  const stat = statSync(place, { throwIfNoEntry: false })
  if (stat === undefined || stat.isFile()) return stat
  throw refusal(stat.isDirectory() ? 'EISDIR' : 'ENOTFILE')
}

/** A free name beside `place`; short, for the name of the place may be as long as a name can be. */
export const temporaryFor = (place: string, ending = '.tmp'): string =>
  join(dirname(place), `.shapewise-${randomBytes(4).toString('hex')}${ending}`)

/** What a file may be done with: as the one that it replaces, from its first byte on. */
export const modeFor = (place: string): number => (fileAt(place)?.mode ?? 0o666) & 0o7777

/** Puts a finished file in its place. Looks again at what is there: hours may have passed. */
export function putInPlace(temporary: string, place: string): void {
  const mode = fileAt(place)?.mode
  // the mode it was made with is without what the umask forbids
  if (mode !== undefined && mode !== statSync(temporary).mode) chmodSync(temporary, mode & 0o7777)
  renameSync(temporary, place)
}

/** Writes a file, or replaces what the path leads to. A write that fails leaves what was there. */
export function writeFileWhole(path: string, content: string | Uint8Array): void {
  const place = linkTarget(path)
  const temporary = temporaryFor(place)
  try {
    writeFileSync(temporary, content, { flag: 'wx', mode: modeFor(place) })
    putInPlace(temporary, place)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}

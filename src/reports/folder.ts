/**
 * A run folder, `runs/<UTC>-<hash6>`. It is built in a hidden sibling `.<name>.<process id>.partial` and renamed when complete, so an
 * interrupted run leaves no folder that looks finished, and no two runs fill one. The manifest is written last and lists every file.
 */
import { createHash } from 'node:crypto'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { UserError, WRITE_REFUSALS } from '../errors.js'
import { linkTarget, writeFileWhole } from '../wholeFile.js'

export interface RunFolderOptions {
  /** Folder of runs; the run gets a name of its own in it. Default: `runs`. */
  readonly root?: string
  /** The run folder itself; takes the place of `root`. */
  readonly out?: string
  /** Plan hash, hex; its first six digits enter the name. */
  readonly hash: string
  /** Replace a run folder that is there already. Default: false. */
  readonly overwrite?: boolean
  /** Start of the run. Default: now. */
  readonly startedAt?: Date
}

/** What the manifest says besides the list of files. */
export interface ManifestFacts {
  readonly version: string
  readonly seed: number
  readonly plan_hash: string
  readonly trace_hash: string
  readonly wall_s: number
}

export interface RunFolder {
  /** Where the folder will be once finished. */
  readonly path: string
  /** Where it is built until then. */
  readonly partial: string
  /** The topmost folder that was made for it; undefined where its parent was there. */
  readonly made: string | undefined
  /** Adds a file; `name` is a plain file name. */
  write(name: string, content: string | Uint8Array): void
  /** Adds a file that `fill` writes piece by piece at the path it is given. */
  stream<T>(name: string, fill: (path: string) => T): T
  /** Writes the manifest and moves the folder to its place. Returns its path. */
  finish(facts: ManifestFacts): string
  /** Removes what has been written, and the folders made for it. Safe to call after `finish`. */
  abandon(): void
}

const MANIFEST = 'manifest.json'

/** 2026-11-24T18:03:42.123Z -> 20261124T180342Z */
const stamp = (date: Date): string => date.toISOString().replace(/[-:]/g, '').replace(/\.\d+/, '')

export function createRunFolder(options: RunFolderOptions): RunFolder {
  const { root = 'runs', out, hash, overwrite = false, startedAt = new Date() } = options
  const own = out ?? freeName(join(root, `${stamp(startedAt)}-${hash.slice(0, 6)}`))
  const where = out === undefined ? resolve(own) : `--out ${out}`
  // the folder that a link names is filled or replaced, not the link
  const path = reporting(where, () => linkTarget(resolve(own)))
  reporting(where, () => refuseExisting(path, where, overwrite))
  const partial = join(dirname(path), `.${basename(path)}.${process.pid}.partial`)
  const made = reporting(where, () => {
    const others = partialsOf(path)
    if (others.some(({ isOfAnother }) => isOfAnother))
      throw new UserError({ where, message: 'another run is filling this folder', hint: 'choose another --out, or wait for it' })
    for (const { folder } of others) rmSync(folder, { recursive: true, force: true })
    return makeFolders(partial)
  })
  // a second Ctrl-C, or a bug, ends the process without unwinding
  const abandon = (): void => removePartial({ partial, made })
  process.on('exit', abandon)
  return {
    path,
    partial,
    made,
    write(name, content) {
      reporting(where, () => writeFileSync(join(partial, plain(name)), content))
    },
    stream: (name, fill) => reporting(where, () => fill(join(partial, plain(name)))),
    finish(facts) {
      const manifest = { ...facts, node: process.version, started_at: startedAt.toISOString(), files: listFiles(partial) }
      reporting(where, () => {
        // hours may have passed
        refuseExisting(path, where, overwrite)
        writeFileSync(join(partial, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`)
        replaceFolder(partial, path)
      })
      process.off('exit', abandon)
      return path
    },
    abandon() {
      process.off('exit', abandon)
      abandon()
    },
  }
}

/** Removes what has been written of a folder, and the folders made for it. */
export function removePartial({ partial, made }: Pick<RunFolder, 'partial' | 'made'>): void {
  rmSync(partial, { recursive: true, force: true })
  if (made !== undefined) removeEmpty(dirname(partial), made)
}

/** Removes `folder` and those above it up to `topmost`, until one holds something. */
function removeEmpty(folder: string, topmost: string): void {
  try {
    for (let at = folder; at.length >= topmost.length; at = dirname(at)) rmdirSync(at)
  } catch {
    // somebody else uses it, or has removed it
  }
}

interface Partial {
  readonly folder: string
  /** Whether another process is filling it; else its run was killed, or it is our own. */
  readonly isOfAnother: boolean
}

/** Where the folder at `path` is being built, or was when its run was killed. */
function partialsOf(path: string): Partial[] {
  const parent = dirname(path)
  const begin = `.${basename(path)}.`
  const names = existsSync(parent) ? readdirSync(parent) : []
  return names.flatMap((name) => {
    const [, pid] = name.startsWith(begin) ? (/^(\d+)\.partial$/.exec(name.slice(begin.length)) ?? []) : []
    return pid === undefined
      ? []
      : [{ folder: join(parent, name), isOfAnother: Number(pid) !== process.pid && isRunning(Number(pid)) }]
  })
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Of runs of one plan that begin in the same second, the second has -2 at its end, and so on. */
function freeName(name: string): string {
  const nth = (n: number): string => (n === 1 ? name : `${name}-${n}`)
  let n = 1
  while (existsSync(nth(n)) || partialsOf(nth(n)).length > 0) n++
  return nth(n)
}

function plain(name: string): string {
  if (basename(name) !== name || name === '') throw new Error(`not a plain file name: ${name}`)
  return name
}

/** An existing folder is replaced only when asked, and only when it is empty or a run folder with nothing else in it. */
function refuseExisting(path: string, where: string, overwrite: boolean): void {
  if (!existsSync(path)) return
  if (!statSync(path).isDirectory())
    throw new UserError({ where, message: 'a file of this name is in the way', hint: 'choose another --out' })
  const names = readdirSync(path)
  if (names.length === 0) return
  if (!overwrite)
    throw new UserError({ where, message: 'the run folder exists already', hint: 'choose another --out, or pass --overwrite' })
  const listed = listedFiles(join(path, MANIFEST))
  if (listed === null) {
    throw new UserError({
      where,
      message: `the folder holds no ${MANIFEST} of a run, so it is no run folder and is not replaced`,
      hint: 'choose another --out',
    })
  }
  const foreign = names.filter((name) => name !== MANIFEST && !listed.includes(name))
  if (foreign.length > 0) {
    throw new UserError({
      where,
      message: `the run folder holds what no run has written, and is not replaced: ${foreign.slice(0, 3).join(', ')}${foreign.length > 3 ? ' …' : ''}`,
      hint: 'move it elsewhere, or choose another --out',
    })
  }
}

/** Names of the files that a manifest of a run lists; null for any other file, and for none. Many programs call a file of theirs manifest.json. */
function listedFiles(path: string): readonly string[] | null {
  let manifest: { readonly plan_hash?: unknown; readonly files?: unknown } | null
  try {
    manifest = JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return null
  }
  if (typeof manifest?.plan_hash !== 'string' || !Array.isArray(manifest.files)) return null
  return manifest.files.map((file: { readonly name?: unknown } | null) => String(file?.name))
}

function replaceFolder(partial: string, path: string): void {
  const old = join(dirname(path), `.${basename(path)}.old`)
  rmSync(old, { recursive: true, force: true })
  const replaced = existsSync(path)
  if (replaced) renameSync(path, old)
  renameSync(partial, path)
  if (replaced) rmSync(old, { recursive: true, force: true })
}

interface ListedFile {
  readonly name: string
  readonly bytes: number
  readonly sha256: string
}

function listFiles(folder: string): ListedFile[] {
  return readdirSync(folder)
    .sort()
    .map((name) => ({ name, ...digest(join(folder, name)) }))
}

/** Size and hash of a file of any length. */
function digest(path: string): { bytes: number; sha256: string } {
  const hash = createHash('sha256')
  const piece = Buffer.alloc(1 << 20)
  const file = openSync(path, 'r')
  try {
    let bytes = 0
    for (let read = readSync(file, piece); read > 0; read = readSync(file, piece)) {
      hash.update(piece.subarray(0, read))
      bytes += read
    }
    return { bytes, sha256: hash.digest('hex') }
  } finally {
    closeSync(file)
  }
}

/**
 * Makes a folder and those above it that are missing. Returns the topmost that it made; undefined where all were there. The recursive mkdir of
 * Node never returns where a folder neither is nor can be made, as below /proc.
 */
export function makeFolders(path: string): string | undefined {
  const parent = dirname(path)
  const above = existsSync(parent) ? undefined : makeFolders(parent)
  try {
    mkdirSync(path)
    return above ?? path
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST' && statSync(path).isDirectory()) return above
    throw error
  }
}

/** Replaces one file of a finished folder, as `writeFileWhole` does. `hint`: what else to do. */
export function writeAtomically(path: string, content: string | Uint8Array, hint?: string): void {
  reporting(path, () => writeFileWhole(path, content), hint)
}

/** Throws a `UserError` when no file can be written into `folder`, which is there: tried before the work. */
export function demandFolderTakesFiles(folder: string, hint: string): void {
  const probe = join(folder, `.shapewise-${process.pid}.partial`)
  reporting(
    folder,
    () => {
      writeFileSync(probe, '')
      rmSync(probe)
    },
    hint,
  )
}

/** Turns the refusals of the file system into UserErrors. */
function reporting<T>(where: string, action: () => T, hint = 'choose another place with --out'): T {
  try {
    return action()
  } catch (error) {
    const { code, syscall, message } = error as NodeJS.ErrnoException
    if (code === undefined || syscall === undefined) throw error
    // `ENAMETOOLONG: name too long, mkdir '…'`
    throw new UserError({
      where,
      message: WRITE_REFUSALS[code] ?? `cannot write here (${message.split(',')[0]})`,
      hint,
    })
  }
}

/**
 * Bytes of a trace file, plain or compressed, as a stream of buffers; and its lines.
 */
import { accessSync, constants, createReadStream, readdirSync, statSync } from 'node:fs'
import { UserError } from '../errors.js'
import { CompressionFault, compressionOf, counted, decompressed, type OnRead } from './compressed.js'
import { PRESETS } from './presetNames.js'

const CHUNK_BYTES = 1 << 20
/** A longer line is no trace row: the largest known row (a 1 M-token context in 16-token blocks) has below 2 MiB. */
const MAX_LINE_BYTES = 1 << 26
const NEWLINE = 10
const RETURN = 13

/** The chunks of the file, decompressed when it is gzip or zstd. Errors surface as thrown; see `explainReadError`. */
export async function* readChunks(path: string, onRead?: OnRead): AsyncGenerator<Buffer> {
  refusePipes(path)
  const compression = await compressionOf(path)
  if (compression === null) yield* counted(createReadStream(path, { highWaterMark: CHUNK_BYTES }), onRead)
  else yield* decompressed(path, compression, onRead)
}

/** Traces are read more than once, which no pipe is; to open one that nobody writes to waits for ever, deaf to signals. A device may have no end. */
function refusePipes(path: string): void {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat === undefined || stat.isFile() || stat.isDirectory()) return
  throw new UserError({
    where: path,
    message: `this is a ${stat.isFIFO() ? 'pipe' : 'device'}, and traces are read from files`,
    hint: 'write it to a file first; gzip and zstd need not be unpacked',
  })
}

/** Throws, as a reader would, where there is no file that may be read. */
export function requireFile(path: string): void {
  try {
    refusePipes(path)
    accessSync(path, constants.R_OK)
    if (statSync(path).isDirectory()) throw Object.assign(new Error(path), { code: 'EISDIR' })
  } catch (error) {
    throw error instanceof UserError ? error : explainReadError(error, path, 0)
  }
}

/** The sentence for what the system or the decompressor reported; other errors are returned as they are. */
export function explainReadError(error: unknown, path: string, rowsRead: number): unknown {
  const rows = rowsRead === 1 ? '1 row' : `${rowsRead} rows`
  if (error instanceof CompressionFault) return explainFault(error, path, rows, rowsRead === 1)
  const code = (error as NodeJS.ErrnoException).code
  switch (code) {
    case 'ENOENT':
      return new UserError({ where: path, message: 'there is no such trace file', hint: missingHint(path) })
    case 'EISDIR':
      return new UserError({ where: path, message: 'this is a directory, not a trace file', hint: folderHint(path) })
    case 'EACCES':
    case 'EPERM':
      return new UserError({ where: path, message: 'the file may not be read', hint: 'give yourself read permission' })
  }
  if (typeof code !== 'string') return error
  return new UserError({ where: path, message: `the file could not be read (${code}) after ${rows}`, hint: 'try a local copy' })
}

const missingHint = (path: string): string =>
  PRESETS.some((name) => name === path)
    ? `for the preset of that name give a scenario with workload.preset: ${path}, or --set workload.preset=${path}`
    : 'check the path'

/** A pool of clients comes as a folder of pairs of files, of which traffic is drawn. */
const folderHint = (path: string): string =>
  readdirSync(path).some((name) => /^chunk-\d+-trace\.csv/.test(name))
    ? `it holds a ServeGen pool: draw a trace of it with shapewise trace synth --pool ${path} OUT`
    : 'name one file in it'

function explainFault({ compression, cut }: CompressionFault, path: string, rows: string, one: boolean): UserError {
  const message = cut
    ? `the ${compression} file is cut off: it ends after ${rows}`
    : `the ${compression} file is damaged: ${rows} ${one ? 'was' : 'were'} read before that showed`
  const window = compression === 'zstd' && !cut ? '; a window above 128 MiB (`zstd --long=28` and up) is not read' : ''
  const hint = `copy or download it again; \`${compression} -t\` tells whether it is whole${window}`
  return new UserError({ where: path, message, hint })
}

export interface LineSplitter {
  push(chunk: Buffer): void
  /** `isCut`: the file goes on, so a last line without its newline is none. */
  end(isCut: boolean): void
}

/**
 * Calls `consume(bytes, start, end)` with ranges of whole lines, each ended by a newline; the last one gets its newline here. Where the first chunk, the
 * beginning of the file, has returns and no newline, lines end with returns, and `consume` is given newlines for them.
 */
export function createLineSplitter(path: string, consume: (bytes: Buffer, start: number, end: number) => void): LineSplitter {
  let pending: Buffer[] = []
  let pendingBytes = 0
  let endInReturns: boolean | null = null
  const hold = (piece: Buffer): void => {
    if (piece.length === 0) return
    pending.push(piece)
    pendingBytes += piece.length
    if (pendingBytes > MAX_LINE_BYTES) {
      throw new UserError({
        where: path,
        message: 'a line is longer than 64 MiB: this is no trace of one row a line',
        hint: 'give a CSV file, or JSON with one object a line',
      })
    }
  }
  return {
    push(given) {
      endInReturns ??= given.includes(RETURN) && !given.includes(NEWLINE)
      const chunk = endInReturns ? withNewlines(given) : given
      const firstEnd = chunk.indexOf(NEWLINE) + 1
      if (firstEnd === 0) {
        hold(chunk)
        return
      }
      let start = 0
      if (pendingBytes > 0) {
        const joined = Buffer.concat([...pending, chunk.subarray(0, firstEnd)])
        pending = []
        pendingBytes = 0
        consume(joined, 0, joined.length)
        start = firstEnd
      }
      const end = chunk.lastIndexOf(NEWLINE) + 1
      if (end > start) consume(chunk, start, end)
      hold(chunk.subarray(end))
    },
    end(isCut) {
      if (pendingBytes === 0 || isCut) return
      const last = Buffer.concat([...pending, Buffer.of(NEWLINE)])
      consume(last, 0, last.length)
    },
  }
}

function withNewlines(chunk: Buffer): Buffer {
  const copy = Buffer.from(chunk)
  for (let at = copy.indexOf(RETURN); at >= 0; at = copy.indexOf(RETURN, at + 1)) copy[at] = NEWLINE
  return copy
}

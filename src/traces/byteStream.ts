/**
 * Bytes of a trace file, plain or gzip (told by content, not by name), as a stream of buffers; and its lines.
 */
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { UserError } from '../errors.js'

const CHUNK_BYTES = 1 << 20
/** A longer line is no trace row: the largest known row (a 1 M-token context in 16-token blocks) has below 2 MiB. */
const MAX_LINE_BYTES = 1 << 26
const NEWLINE = 10

/** The chunks of the file, decompressed when it is gzip. System errors surface as thrown; see `explainReadError`. */
export async function* readChunks(path: string): AsyncGenerator<Buffer> {
  const file = createReadStream(path, { highWaterMark: CHUNK_BYTES })
  if (!(await isGzip(path))) {
    yield* file as AsyncIterable<Buffer>
    return
  }
  // The callback is needed so that a fault of either stream does not surface as unhandled; the iteration rethrows it.
  yield* pipeline(file, createGunzip({ chunkSize: CHUNK_BYTES }), () => {}) as AsyncIterable<Buffer>
}

async function isGzip(path: string): Promise<boolean> {
  const handle = await open(path, 'r')
  try {
    const magic = Buffer.alloc(2)
    const { bytesRead } = await handle.read(magic, 0, 2, 0)
    return bytesRead === 2 && magic[0] === 0x1f && magic[1] === 0x8b
  } finally {
    await handle.close()
  }
}

/** The sentence for what the system or the decompressor reported; other errors are returned as they are. */
export function explainReadError(error: unknown, path: string, rowsRead: number): unknown {
  const code = (error as NodeJS.ErrnoException).code
  const before = `after ${rowsRead} ${rowsRead === 1 ? 'row' : 'rows'}`
  switch (code) {
    case 'ENOENT':
      return new UserError({ where: path, message: 'There is no such trace file.', hint: 'Check the path, or use a preset.' })
    case 'EISDIR':
      return new UserError({ where: path, message: 'This is a directory, not a trace file.', hint: 'Name one file in it.' })
    case 'EACCES':
    case 'EPERM':
      return new UserError({ where: path, message: 'The file may not be read.', hint: 'Give yourself read permission.' })
    case 'Z_BUF_ERROR':
      return new UserError({
        where: path,
        message: `The gzip file is cut off: it ends ${before}.`,
        hint: 'Copy or download it again; `gzip -t` tells whether it is whole.',
      })
    case 'Z_DATA_ERROR':
      return new UserError({
        where: path,
        message: `The gzip file is damaged ${before}.`,
        hint: 'Copy or download it again; `gzip -t` tells whether it is whole.',
      })
  }
  if (typeof code !== 'string') return error
  return new UserError({ where: path, message: `The file could not be read (${code}) ${before}.`, hint: 'Try a local copy.' })
}

export interface LineSplitter {
  push(chunk: Buffer): void
  end(): void
}

/** Calls `consume(bytes, start, end)` with ranges of whole lines, each ended by a newline; the last one gets its newline here. */
export function createLineSplitter(path: string, consume: (bytes: Buffer, start: number, end: number) => void): LineSplitter {
  let pending: Buffer[] = []
  let pendingBytes = 0
  const hold = (piece: Buffer): void => {
    if (piece.length === 0) return
    pending.push(piece)
    pendingBytes += piece.length
    if (pendingBytes > MAX_LINE_BYTES) {
      throw new UserError({
        where: path,
        message: 'A line is longer than 64 MiB: this is no trace of one row a line.',
        hint: 'Give a CSV file, or JSON with one object a line.',
      })
    }
  }
  return {
    push(chunk) {
      const firstEnd = chunk.indexOf(NEWLINE) + 1
      if (firstEnd === 0) return hold(chunk)
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
    end() {
      if (pendingBytes === 0) return
      const last = Buffer.concat([...pending, Buffer.of(NEWLINE)])
      consume(last, 0, last.length)
    },
  }
}

/**
 * Bytes of a trace file, plain or gzip (told by content, not by name), as a stream of buffers; and its lines.
 */
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { createGunzip } from 'node:zlib'
import { UserError } from '../errors.js'

const CHUNK_BYTES = 1 << 20
/** Compressed bytes at a time: at gzip's best ratio of about 1000 they still fit in memory. */
const GZIP_CHUNK_BYTES = 1 << 16
const GUNZIP_CHUNK_BYTES = 1 << 18
/** A longer line is no trace row: the largest known row (a 1 M-token context in 16-token blocks) has below 2 MiB. */
const MAX_LINE_BYTES = 1 << 26
const NEWLINE = 10

/** The chunks of the file, decompressed when it is gzip. System errors surface as thrown; see `explainReadError`. */
export async function* readChunks(path: string): AsyncGenerator<Buffer> {
  if (await isGzip(path)) yield* gunzipped(createReadStream(path, { highWaterMark: GZIP_CHUNK_BYTES }))
  else yield* createReadStream(path, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>
}

/** Decompressed chunks; a fault is thrown only after all that came before it, which iterating over a failed stream would drop. */
async function* gunzipped(compressed: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: GUNZIP_CHUNK_BYTES })
  const ready: Buffer[] = []
  let fault: Error | null = null
  let settle = (): void => {}
  gunzip.on('data', (chunk: Buffer) => ready.push(chunk))
  gunzip.on('end', () => settle())
  gunzip.on('error', (error) => {
    fault = error
    settle()
  })
  const settled = (start: () => void): Promise<void> =>
    new Promise((resolve) => {
      settle = () => setImmediate(resolve)
      start()
    })
  try {
    for await (const piece of compressed) {
      await settled(() => gunzip.write(piece, () => settle()))
      yield* ready.splice(0)
      if (fault !== null) throw fault
    }
    await settled(() => gunzip.end())
    yield* ready.splice(0)
    if (fault !== null) throw fault
  } finally {
    gunzip.destroy()
  }
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
        message: `The gzip file is damaged: ${rowsRead} ${rowsRead === 1 ? 'row was' : 'rows were'} read before that showed.`,
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
    end() {
      if (pendingBytes === 0) return
      const last = Buffer.concat([...pending, Buffer.of(NEWLINE)])
      consume(last, 0, last.length)
    },
  }
}

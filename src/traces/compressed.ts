/** Compressed trace files, gzip or zstd (told by content, not by name), as streams of decompressed buffers in constant memory. */
import { closeSync, createReadStream, openSync, readSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { createGunzip } from 'node:zlib'

/** Compressed bytes at a time: at gzip's best ratio of about 1000 they still fit in memory. */
const PIECE_BYTES = 1 << 16
const GUNZIP_CHUNK_BYTES = 1 << 18
const MAGICS = { gzip: [0x1f, 0x8b], zstd: [0x28, 0xb5, 0x2f, 0xfd] } as const
/** A call of the zstd decoder that moves on takes bytes in or gives bytes out; so many that only gave nothing mean that it has failed. */
const EMPTY_MEANS_FAULT = 64

export type Compression = keyof typeof MAGICS

/** A fault of compressed data: `cut` when it ends too early. */
export class CompressionFault extends Error {
  constructor(
    readonly compression: Compression,
    readonly cut: boolean,
  ) {
    super(`${compression} data ${cut ? 'cut off' : 'damaged'}`)
  }
}

/** How the file is compressed, null for plain. System errors surface as thrown. */
export async function compressionOf(path: string): Promise<Compression | null> {
  const handle = await open(path, 'r')
  try {
    const head = Buffer.alloc(4)
    const { bytesRead } = await handle.read(head, 0, 4, 0)
    const is = (compression: Compression): boolean =>
      MAGICS[compression].length <= bytesRead && MAGICS[compression].every((byte, i) => head[i] === byte)
    return is('gzip') ? 'gzip' : is('zstd') ? 'zstd' : null
  } finally {
    await handle.close()
  }
}

/** Hears how many bytes of the file on disk were read so far. */
export type OnRead = (bytes: number) => void

/** The decompressed chunks of the file; a `CompressionFault` is thrown only after all that came before it. */
export function decompressed(path: string, compression: Compression, onRead?: OnRead): AsyncGenerator<Buffer> {
  if (compression === 'zstd') return unzstd(path, onRead)
  return gunzipped(counted(createReadStream(path, { highWaterMark: PIECE_BYTES }), onRead))
}

/** The same chunks, their bytes told to `onRead`. */
export async function* counted(chunks: AsyncIterable<Buffer>, onRead?: OnRead): AsyncGenerator<Buffer> {
  let bytes = 0
  for await (const chunk of chunks) {
    bytes += chunk.length
    onRead?.(bytes)
    yield chunk
  }
}

/** Zero bytes after the last member are padding, as `gzip -t` takes them too; anything else there is damage. */
async function* gunzipped(compressed: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: GUNZIP_CHUNK_BYTES })
  const ready: Buffer[] = []
  let fault: CompressionFault | null = null
  let settle = (): void => {}
  /** The stream ends before its input does where padding follows: it calls nobody back from then on. */
  let ended = false
  let readBytes = 0
  gunzip.on('data', (chunk: Buffer) => ready.push(chunk))
  gunzip.on('end', () => {
    ended = true
    settle()
  })
  gunzip.on('error', (error) => {
    fault = new CompressionFault('gzip', (error as NodeJS.ErrnoException).code === 'Z_BUF_ERROR')
    settle()
  })
  const settled = (start: () => void): Promise<void> =>
    new Promise((resolve) => {
      settle = () => setImmediate(resolve)
      start()
    })
  try {
    for await (const piece of compressed) {
      if (!ended) await settled(() => gunzip.write(piece, () => settle()))
      yield* ready.splice(0)
      if (fault !== null) throw fault
      const left = ended ? piece.subarray(Math.max(0, gunzip.bytesWritten - readBytes)) : piece.subarray(piece.length)
      if (left.some((byte) => byte !== 0)) throw new CompressionFault('gzip', false)
      readBytes += piece.length
    }
    if (!ended) await settled(() => gunzip.end())
    yield* ready.splice(0)
    if (fault !== null) throw fault
  } finally {
    gunzip.destroy()
  }
}

/** The decoder pulls its input at once, so the file is read synchronously, a small piece at a time; between outputs others get their turn. */
async function* unzstd(path: string, onRead?: OnRead): AsyncGenerator<Buffer> {
  const { ZSTDDecoder } = await import('zstddec/stream')
  const decoder = new ZSTDDecoder()
  await decoder.init()
  const file = openSync(path, 'r')
  try {
    let empty = 0
    for (const chunk of faultsOf(decoder.decodeStreaming(pieces(file, onRead)))) {
      empty = chunk.length === 0 ? empty + 1 : 0
      if (empty > EMPTY_MEANS_FAULT) throw new CompressionFault('zstd', false)
      if (chunk.length > 0) yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
      await new Promise((resolve) => setImmediate(resolve))
    }
  } finally {
    closeSync(file)
  }
}

/** The decoder throws plain errors, and only for data that end within a frame; what the system throws has a code. */
function* faultsOf(chunks: Generator<Uint8Array>): Generator<Uint8Array> {
  try {
    yield* chunks
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === undefined ? new CompressionFault('zstd', true) : error
  }
}

function* pieces(file: number, onRead?: OnRead): Generator<Uint8Array> {
  const piece = Buffer.alloc(PIECE_BYTES)
  let bytes = 0
  for (;;) {
    const bytesRead = readSync(file, piece)
    if (bytesRead === 0) return
    bytes += bytesRead
    onRead?.(bytes)
    yield piece.subarray(0, bytesRead)
  }
}

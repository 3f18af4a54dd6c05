/** Text files that a user names, plain or compressed with gzip (told by content). A leaf; who calls it says what the file was for. */
import { readFileSync, type Stats, statSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { UserError } from './errors.js'

/** Larger than any table of measurements; keeps a wrong path (a trace, a disk image) from being read whole. */
const MAX_BYTES = 256 * 2 ** 20
const isGzip = (bytes: Buffer): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b

/**
 * Throws for what may never end: a device, and a named pipe, whose opening waits for a writer, deaf to signals. Pipes of the shell (`<(…)`, /dev/stdin)
 * are open already.
 */
export function refuseEndless(path: string): Stats {
  const stat = statSync(path)
  if (stat.isFile() || (stat.isFIFO() && path.startsWith('/dev/'))) return stat
  throw new Error(stat.isFIFO() ? 'a pipe: write it to a file first' : 'not a file')
}

/** Throws a UserError with `hint` for a file that cannot be read, is damaged, or is larger than 256 MiB, packed or unpacked. */
export function readText(path: string, hint: string): string {
  try {
    if (refuseEndless(path).size > MAX_BYTES) throw new Error(`larger than ${MAX_BYTES} bytes`)
    const bytes = readFileSync(path)
    return (isGzip(bytes) ? gunzipSync(bytes, { maxOutputLength: MAX_BYTES }) : bytes).toString('utf8')
  } catch (error) {
    throw new UserError({ where: path, message: `cannot be read: ${(error as Error).message}`, hint })
  }
}

/** Text files that a user names, plain or compressed with gzip (told by content). A leaf; who calls it says what the file was for. */
import { isUtf8 } from 'node:buffer'
import { readFileSync, type Stats, statSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { type Fault, UserError } from './errors.js'

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

/** Why bytes are no text that is read, or null. Decoded as UTF-8 they would be refused later for what they are not, or be taken for another text. */
export function textFault(bytes: Buffer): Required<Pick<Fault, 'message' | 'hint'>> | null {
  if (isUtf16(bytes)) return { message: 'the file is UTF-16 text, which is not read', hint: 'save it as UTF-8' }
  if (isUtf8(bytes)) return null
  const lines = bytes.toString('latin1').split('\n')
  const line = lines.findIndex((one) => !isUtf8(Buffer.from(one, 'latin1'))) + 1
  return { message: `line ${line} is not UTF-8 text`, hint: 'save the file as UTF-8' }
}

/** By its mark, or by the half of a first character that no other text begins with. */
function isUtf16([first, second]: Buffer): boolean {
  const hasMark = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)
  return hasMark || (first === 0) !== (second === 0)
}

/** The text of a file that a user names. Throws a UserError that names `where`. */
export function textOf(bytes: Buffer, where: string): string {
  const fault = textFault(bytes)
  if (fault !== null) throw new UserError({ where, ...fault })
  return bytes.toString('utf8')
}

/** Throws a UserError with `hint` for a file that cannot be read, is damaged, or is larger than 256 MiB, packed or unpacked. */
export function readText(path: string, hint: string): string {
  let bytes: Buffer
  try {
    if (refuseEndless(path).size > MAX_BYTES) throw new Error(`larger than ${MAX_BYTES} bytes`)
    bytes = readFileSync(path)
    if (isGzip(bytes)) bytes = gunzipSync(bytes, { maxOutputLength: MAX_BYTES })
  } catch (error) {
    throw new UserError({ where: path, message: `cannot be read: ${(error as Error).message}`, hint })
  }
  return textOf(bytes, path)
}

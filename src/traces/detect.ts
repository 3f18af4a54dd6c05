/** Which format a file has, from its first bytes. */
import { UserError } from '../errors.js'
import { MAGIC } from './shapewiseFormat.js'

export type TraceFormat = 'azure' | 'mooncake' | 'csv' | 'shapewise'

/** Bytes of the file that decide about its format. */
export const HEAD_BYTES = 1 << 16
const MAGIC_WITHIN_BYTES = 64
const FOREIGN: readonly { magic: readonly number[]; what: string; remedy: string }[] = [
  { magic: [0x50, 0x4b, 0x03, 0x04], what: 'a zip archive', remedy: 'Unpack it and name one file.' },
  { magic: [0x50, 0x41, 0x52, 0x31], what: 'a Parquet file', remedy: 'Export it as CSV first.' },
  { magic: [0xfd, 0x37, 0x7a, 0x58], what: 'xz compressed', remedy: 'Decompress it first, with `xz -d`.' },
  { magic: [0xff, 0xfe], what: 'UTF-16 text', remedy: 'Save it as UTF-8.' },
  { magic: [0xfe, 0xff], what: 'UTF-16 text', remedy: 'Save it as UTF-8.' },
]

/** A trace of our own begins with a msgpack map, of which no text has the first byte. `csv` covers the Azure header too: the column reader tells them apart. Throws `UserError` for what is no trace. */
export function detectFormat(head: Buffer, path: string): 'mooncake' | 'csv' | 'shapewise' {
  if (head.length === 0) {
    throw new UserError({ where: path, message: 'The file is empty.', hint: 'Give a trace with at least one request.' })
  }
  if (head[0] >= 0x80 && head.subarray(0, MAGIC_WITHIN_BYTES).includes(MAGIC)) return 'shapewise'
  for (const { magic, what, remedy } of FOREIGN) {
    if (magic.every((byte, i) => head[i] === byte)) {
      throw new UserError({ where: path, message: `The file is ${what}, which is not read.`, hint: remedy })
    }
  }
  if (looksBinary(head)) {
    throw new UserError({
      where: path,
      message: 'The file is binary and of no known trace format.',
      hint: 'Give a CSV file, Mooncake JSON lines or a .swt trace; each may be gzip compressed.',
    })
  }
  const text = head.toString('utf8').trimStart()
  if (text === '') {
    throw new UserError({
      where: path,
      message: 'The file holds only blank lines.',
      hint: 'Give a trace with at least one request.',
    })
  }
  if (text.startsWith('[')) {
    throw new UserError({
      where: path,
      message: 'The file is one JSON array; a trace has one JSON object a line.',
      hint: "Convert it, for instance with `jq -c '.[]'`.",
    })
  }
  return text.startsWith('{') ? 'mooncake' : 'csv'
}

/** Text has no NUL and hardly any other control byte. */
function looksBinary(head: Buffer): boolean {
  let control = 0
  for (const byte of head) {
    if (byte === 0) return true
    if (byte < 32 && byte !== 9 && byte !== 10 && byte !== 13) control++
  }
  return control > head.length / 50
}

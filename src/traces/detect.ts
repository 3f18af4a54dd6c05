/** Which format a file has, from its beginning; and sentences for files that are no trace. */
import { UserError } from '../errors.js'
import type { FormatName } from './formats/catalogue.js'
import { recognise } from './formats/index.js'
import type { Head } from './head.js'

const MOST_LISTED = 12
const LIST_FORMATS = '`shapewise trace formats` lists what is read; name one with --from if it is one of them.'

interface Foreign {
  readonly is: (head: Head) => boolean
  readonly message: string
  readonly hint: string
}

const begins =
  (...magic: number[]) =>
  ({ bytes }: Head): boolean =>
    magic.every((byte, i) => bytes[i] === byte)
const compressed = (what: string, hint: string): Omit<Foreign, 'is'> => ({
  message: `The file is ${what}, which is not read.`,
  hint,
})

const FOREIGN: readonly Foreign[] = [
  { is: begins(0x50, 0x4b, 0x03, 0x04), ...compressed('a zip archive', 'Unpack it and name one file.') },
  { is: begins(0x50, 0x41, 0x52, 0x31), ...compressed('a Parquet file', 'Export it as CSV first.') },
  { is: begins(0xfd, 0x37, 0x7a, 0x58), ...compressed('xz compressed', 'Decompress it first, with `xz -d`.') },
  { is: begins(0xff, 0xfe), ...compressed('UTF-16 text', 'Save it as UTF-8.') },
  { is: begins(0xfe, 0xff), ...compressed('UTF-16 text', 'Save it as UTF-8.') },
  {
    is: ({ bytes }) => looksBinary(bytes),
    message: 'The file is binary and of no known trace format.',
    hint: 'Give a CSV file, JSON lines or a .swt trace; each may be compressed with gzip or zstd. `shapewise trace formats` lists all.',
  },
  {
    is: ({ text }) => text.trim() === '',
    message: 'The file holds only blank lines.',
    hint: 'Give a trace with at least one request.',
  },
  {
    is: ({ isList }) => isList,
    message: 'The file is one JSON array; a trace has one JSON object a line.',
    hint: "Convert it, for instance with `jq -c '.[]'`.",
  },
]

/** The format of a file: the one the user names, else the first that recognises its content, else a CSV. Throws `UserError` for what is no trace. */
export function detectFormat(head: Head, path: string, from?: FormatName): FormatName {
  const refuse = (message: string, hint: string): never => {
    throw new UserError({ where: path, message, hint })
  }
  if (head.bytes.length === 0) refuse('The file is empty.', 'Give a trace with at least one request.')
  const found = recognise(head)
  if (from !== undefined && (from === 'shapewise') !== (found === 'shapewise')) {
    const message = found === 'shapewise' ? `The file is a Shapewise trace, not ${from}.` : 'The file is no Shapewise trace.'
    refuse(message, 'Leave the format out: it is told by the content.')
  }
  if (found !== null) return from ?? found
  const foreign = FOREIGN.find(({ is }) => is(head))
  if (foreign !== undefined) refuse(foreign.message, foreign.hint)
  if (from === undefined && head.keys.size > 0) {
    const keys = [...head.keys].filter((key) => !key.includes('.')).slice(0, MOST_LISTED)
    refuse(`The file is JSON of no known trace format; its keys are ${keys.join(', ')}.`, LIST_FORMATS)
  }
  return from ?? 'csv'
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

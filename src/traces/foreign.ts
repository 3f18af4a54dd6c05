/** Files that people take for a trace: what they are, and what to do about it. Asked when no format claims a file. */
import type { Head } from './head.js'

export interface Foreign {
  readonly is: (head: Head) => boolean
  readonly message: string
  readonly hint: string
}

const begins =
  (...magic: number[]) =>
  ({ bytes }: Head): boolean =>
    magic.every((byte, i) => bytes[i] === byte)
const packed = (what: string, hint: string): Omit<Foreign, 'is'> => ({ message: `the file is ${what}, which is not read`, hint })
const hasKeys =
  (...wanted: string[]) =>
  ({ keys }: Head): boolean =>
    wanted.every((key) => keys.has(key))

/** A chunk of a ServeGen pool: six unnamed columns, window start, rate, CV, family, shape, scale. */
const SERVEGEN_ROW = /^\s*\d+,[\d.e+-]+,[\d.e+-]*,(Gamma|Weibull)?,[\d.e+-]*,[\d.e+-]*\s*$/
const SERVEGEN_LENGTHS = /^\s*\{\s*"\d+"\s*:\s*\{\s*"\w+"\s*:\s*"\{/

export const FOREIGN: readonly Foreign[] = [
  { is: begins(0x50, 0x4b, 0x03, 0x04), ...packed('a zip archive', 'unpack it and name one file') },
  { is: begins(0xfd, 0x37, 0x7a, 0x58), ...packed('xz compressed', 'decompress it first, with `xz -d`') },
  { is: begins(0xff, 0xfe), ...packed('UTF-16 text', 'save it as UTF-8') },
  { is: begins(0xfe, 0xff), ...packed('UTF-16 text', 'save it as UTF-8') },
  {
    is: ({ bytes }) => looksBinary(bytes),
    message: 'the file is binary and of no known trace format',
    hint: 'give a CSV file, JSON lines or a .swt trace; each may be compressed with gzip or zstd. `shapewise trace formats` lists all',
  },
  {
    is: ({ text }) => text.trim() === '',
    message: 'the file holds only blank lines',
    hint: 'give a trace with at least one request',
  },
  {
    is: hasKeys('num_turns', 'assistant_response_length'),
    message: 'the file is a table of agent runs as Applied Compute publishes them: lengths of turns, without arrivals',
    hint: 'draw agent traffic from a preset, `shapewise trace synth agent`, or give sessions in the Mooncake form with delays',
  },
  {
    is: ({ keys, isList }) => keys.has('conversations') || (isList && keys.has('from') && keys.has('value')),
    message: 'the file is a collection of conversations in text, as ShareGPT: without lengths in tokens and without arrivals',
    hint: 'count its tokens with your tokenizer and give a CSV of input and output tokens',
  },
  {
    is: hasKeys('percentiles', 'osl_percentiles', 'traces'),
    message: 'the file is a set of inverse distribution functions of lengths: parameters of a generator, not a trace',
    hint: 'give the trace that it was made from, or draw traffic with `shapewise trace synth`',
  },
  {
    is: ({ text }) => SERVEGEN_LENGTHS.test(text),
    message: 'the file holds the length distributions of one ServeGen client: a part of a pool, not a trace',
    hint: 'give the folder of the pool, with chunk-N-trace.csv and chunk-N-dataset.json of every client',
  },
  {
    is: ({ text }) => SERVEGEN_ROW.test(text.split(/\r|\n/)[0]),
    message: 'the file holds the arrival rates of one ServeGen client: a part of a pool, not a trace',
    hint: 'give the folder of the pool, with chunk-N-trace.csv and chunk-N-dataset.json of every client',
  },
  {
    is: ({ columns }) => columns.includes('inputchars') && columns.includes('outputchars'),
    message: 'the file holds lengths in characters, not in tokens',
    hint: 'convert them with your tokenizer, or divide by about 4 characters a token, and call the columns input_tokens and output_tokens',
  },
  {
    is: ({ isList }) => isList,
    message: 'the file is one JSON array; a trace has one JSON object a line',
    hint: "convert it, for instance with `jq -c '.[]'`",
  },
]

/** Text has no NUL and hardly any other control byte. */
function looksBinary(head: Buffer): boolean {
  let control = 0
  for (const byte of head) {
    if (byte === 0) return true
    if (byte < 32 && byte !== 9 && byte !== 10 && byte !== 13) control++
  }
  return control > head.length / 50
}

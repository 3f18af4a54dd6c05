/** Ways in which a file gets damaged. All randomness comes from the stream given. */
import type { Rng } from '../../src/rng.js'

/** Damaged bytes; a mutation of an empty file may leave it empty. */
export type Mutation = (bytes: Buffer, rng: Rng) => Buffer

const splice = (bytes: Buffer, at: number, remove: number, insert: Uint8Array): Buffer =>
  Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + remove)])

export const choose = <T>(from: readonly T[], rng: Rng): T => from[rng.integer(from.length)]

/** Damage any file may suffer. */
export const ANY: readonly Mutation[] = [
  (bytes, rng) => bytes.subarray(0, rng.integer(bytes.length)),
  (bytes, rng) => splice(bytes, rng.integer(bytes.length), 1, Buffer.of(rng.integer(256))),
  (bytes, rng) =>
    splice(bytes, rng.integer(bytes.length), 0, Buffer.from(Array.from({ length: 1 + rng.integer(64) }, () => rng.integer(256)))),
  (bytes, rng) => splice(bytes, rng.integer(bytes.length), rng.integer(200), Buffer.alloc(0)),
  (bytes, rng) => splice(bytes, rng.integer(bytes.length), 0, bytes.subarray(rng.integer(bytes.length)).subarray(0, 300)),
  (bytes, rng) => splice(bytes, rng.integer(bytes.length), 40, Buffer.alloc(40, rng.integer(256))),
]

const WRONG = [
  ...[
    '',
    '-1',
    '0',
    '-0',
    '00012',
    '1e3',
    '1e999',
    '-1e999',
    'NaN',
    'Infinity',
    'null',
    'true',
    '"12"',
    "'12'",
    '{}',
    '[]',
    '[1]',
    '""',
    '"',
  ],
  ...[
    '99999999999',
    '2147483647',
    '2147483648',
    '9007199254740993',
    '18446744073709551616',
    '9'.repeat(400),
    '1.5',
    '.5',
    '5.',
    '0x10',
  ],
  ...[
    '-'.repeat(5000),
    '1,2',
    '1;2',
    '1\t2',
    '1\n2',
    '\r',
    '\0',
    '\ufeff',
    'ü',
    '\u2028',
    '1_000',
    ' 7 ',
    '+7',
    '7-',
    '1 000',
    '#',
    '{',
    '}',
  ],
  ...['2023-11-16 18:15:46.6805900', '2023-99-99 99:99:99', '2023-11-16', '9999-12-31 23:59:59Z', '0000-01-01 00:00:00', '-'],
].map((text) => Buffer.from(text))

/** Damage to a number of a text: another one, a huge one, or another type. */
export const replaceNumber: Mutation = (bytes, rng) => {
  const numbers = [...bytes.toString('latin1').matchAll(/\d[\d.]*/g)]
  if (numbers.length === 0) return bytes
  const { index, 0: text } = choose(numbers, rng)
  return splice(bytes, index, text.length, choose(WRONG, rng))
}

/** Damage to the order of lines, to their ends and to the separators. */
export const LINES: readonly Mutation[] = [
  (bytes, rng) => {
    const lines = bytes.toString('latin1').split('\n')
    const [line] = lines.splice(rng.integer(lines.length), 1)
    lines.splice(rng.integer(lines.length + 1), 0, line)
    return Buffer.from(lines.join('\n'), 'latin1')
  },
  (bytes, rng) => Buffer.from(bytes.toString('latin1').replaceAll('\n', choose(['\r\n', '\r', '', '\n\n', ','], rng)), 'latin1'),
  (bytes, rng) => Buffer.from(bytes.toString('latin1').replaceAll(',', choose([';', '\t', '', ',,', '"', ' , '], rng)), 'latin1'),
  (bytes, rng) =>
    splice(bytes, 0, rng.integer(60), Buffer.from(choose(['\ufeff', '#', '{', '[', '"', '\n\n', '\x1f\x8b', '1,2,3\n'], rng))),
]

const overwrite = (bytes: Buffer, at: number, patch: Uint8Array): Buffer => {
  const damaged = Buffer.from(bytes)
  damaged.set(patch.subarray(0, Math.max(0, bytes.length - at)), at)
  return damaged
}

/** Damage of a file whose parts are found by their offsets: it keeps its length, so that it is the content that is wrong. */
export const IN_PLACE: readonly Mutation[] = [
  (bytes, rng) => overwrite(bytes, rng.integer(bytes.length), Buffer.of(rng.integer(256))),
  (bytes, rng) => overwrite(bytes, rng.integer(bytes.length), Buffer.from(Array.from({ length: 8 }, () => rng.integer(256)))),
  // a varint of 2^31 - 2, the largest length or count
  (bytes, rng) => overwrite(bytes, rng.integer(bytes.length), Buffer.of(0xfe, 0xff, 0xff, 0xff, 0x07)),
  (bytes, rng) => {
    const from = rng.integer(bytes.length)
    return overwrite(bytes, rng.integer(bytes.length), bytes.subarray(from, from + 1 + rng.integer(60)))
  },
]

/**
 * Damaged files of every format: each must be read, with its bad rows skipped and reported, or be refused with a `UserError`. No other
 * exception, no hang, and no row that is not in the file. The mutations come from a fixed seed.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { decode, encode } from '@msgpack/msgpack'
import { afterAll, describe, expect, it } from 'vitest'
import { UserError } from '../src/errors.js'
import { type Rng, stream } from '../src/rng.js'
import { type ReadResult, readTrace, traceHash, type Workload, workloadFault } from '../src/traces/index.js'
import { encodeTrace } from '../src/traces/shapewiseFormat.js'

const FILES = 300
const MOST_SECONDS = 15

const folder = mkdtempSync(join(tmpdir(), 'traces-fuzz-'))
const path = join(folder, 'trace')
/** Of the processor, since other work on the machine is not ours. */
const cpuSeconds = (): number => (process.cpuUsage().user + process.cpuUsage().system) / 1e6
const began = cpuSeconds()
afterAll(() => rmSync(folder, { recursive: true, force: true }))

type Mutation = (bytes: Buffer, rng: Rng) => Buffer

const splice = (bytes: Buffer, at: number, remove: number, insert: Uint8Array): Buffer =>
  Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + remove)])

const choose = <T>(from: readonly T[], rng: Rng): T => from[rng.integer(from.length)]

/** Damage any file may suffer. */
const ANY: readonly Mutation[] = [
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
const replaceNumber: Mutation = (bytes, rng) => {
  const numbers = [...bytes.toString('latin1').matchAll(/\d[\d.]*/g)]
  if (numbers.length === 0) return bytes
  const { index, 0: text } = choose(numbers, rng)
  return splice(bytes, index, text.length, choose(WRONG, rng))
}

/** Damage to the order of lines, to their ends and to the separators. */
const LINES: readonly Mutation[] = [
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

/** Files of `original` with one to `most` mutations each. */
function* mutants(name: string, original: Buffer, mutations: readonly Mutation[], most = 4): Generator<Buffer> {
  const rng = stream(20261124, `fuzz/${name}`)
  for (let i = 0; i < FILES; i++) {
    let bytes = original
    for (let n = 1 + rng.integer(most); n > 0 && bytes.length > 0; n--) bytes = choose(mutations, rng)(bytes, rng)
    yield bytes
  }
}

/** What the reader makes of the bytes; null when it refuses them. */
async function outcome(bytes: Uint8Array): Promise<ReadResult | null> {
  writeFileSync(path, bytes)
  try {
    return await readTrace(path, { spreadTicks: true })
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    for (const fault of error.faults) {
      expect(fault.message).toMatch(/^\S.*\S$/s)
      expect(fault.message.length).toBeLessThan(2000)
    }
    return null
  }
}

/** The contract of a workload, and that the report accounts for every row. */
function expectSound({ workload, report }: ReadResult): void {
  const { count, arrivalNs } = workload
  expect(report.rowsKept).toBe(count)
  expect(report.rowsRead).toBe(report.rowsKept + report.rowsSkipped)
  expect(report.skippedByReason.reduce((sum, reason) => sum + reason.count, 0)).toBe(report.rowsSkipped)
  expect(count).toBeGreaterThan(0)
  expect(arrivalNs.some(Number.isNaN)).toBe(false)
  expect(workloadFault(workload)).toBeNull()
}

/** Every request's lengths stand in one line of the file, as whole numbers (JSON also has 1e3). */
function expectInFile({ workload }: ReadResult, bytes: Buffer): void {
  const linesOf = new Map<number, Set<number>>()
  bytes
    .toString('latin1')
    .split('\n')
    .forEach((line, at) => {
      for (const [number] of line.matchAll(/\d+(?:e\d+)?/g)) {
        const lines = linesOf.get(Number(number)) ?? new Set()
        linesOf.set(Number(number), lines.add(at))
      }
    })
  for (let i = 0; i < workload.count; i++) {
    const outputs = linesOf.get(workload.osl[i])
    const together = outputs !== undefined && [...(linesOf.get(workload.isl[i]) ?? [])].some((line) => outputs.has(line))
    if (!together) expect.fail(`no line holds both ${workload.isl[i]} and ${workload.osl[i]}`)
  }
}

const COUNT = 60
const rowNumbers = Array.from({ length: COUNT }, (_, i) => i)
const isl = (i: number): number => 100 + ((i * 7919) % 4000)
const osl = (i: number): number => 1 + ((i * 104_729) % 800)
const clock = (i: number): string => `2023-11-16 23:59:${String(i).padStart(2, '0')}.${String(6805900 + 31 * i).padStart(7, '0')}`

const ORIGINALS: Readonly<Record<string, string>> = {
  azure: `TIMESTAMP,ContextTokens,GeneratedTokens\n${rowNumbers.map((i) => `${clock(i)},${isl(i)},${osl(i)}\n`).join('')}`,
  csv: `model,arrival_ms,input_tokens,output_tokens\n${rowNumbers.map((i) => `"a, b",${i * 37}.25,${isl(i)},${osl(i)}\n`).join('')}`,
  'csv without a header': rowNumbers.map((i) => `${i * 3}.${i},${isl(i)},${osl(i)}\n`).join(''),
  mooncake: rowNumbers
    .map((i) => {
      const ids = Array.from({ length: Math.ceil(isl(i) / 512) }, (_, b) => (b < 2 ? `${b}` : `90071992547409${i + 10}${b}`))
      return `{"timestamp": ${i * 211}, "input_length": ${isl(i)}, "output_length": ${osl(i)}, "hash_ids": [${ids.join(', ')}]}\n`
    })
    .join(''),
}

const own: Workload = {
  count: COUNT,
  arrivalNs: Float64Array.from(rowNumbers, (i) => (i % 5 === 4 ? Number.NaN : i * 1e8 + i)),
  isl: Int32Array.from(rowNumbers, isl),
  osl: Int32Array.from(rowNumbers, osl),
  classId: Uint16Array.from(rowNumbers, (i) => i % 3),
  tenant: Int32Array.from(rowNumbers, (i) => i - 20),
  parent: Int32Array.from(rowNumbers, (i) => (i % 5 === 4 ? i - 1 : -1)),
  session: Int32Array.from(rowNumbers, (i) => Math.floor(i / 5)),
  waitNs: Float64Array.from(rowNumbers, (i) => i * 15),
  joins: Int32Array.from(rowNumbers, (i) => (i % 5 === 0 && i + 4 < COUNT ? i + 4 : -1)),
  joinCount: Int32Array.from(rowNumbers, (i) => (i % 5 === 4 ? 2 : 0)),
  runOffset: Float64Array.from(rowNumbers, (i) => i % 50),
  runCount: Int32Array.from(rowNumbers, () => 1),
  runFirst: Int32Array.from({ length: 50 }, (_, i) => i),
  runLength: Int32Array.from({ length: 50 }, () => 2),
  names: { tenant: null, class: ['chat', 'code', 'agent'] },
  blockTokens: 64,
  provenance: { name: 'fuzz', format: 'generated', note: 'For tests.', rowsRead: COUNT, rowsSkipped: 0 },
}

describe('damaged text', () => {
  it.each(Object.entries(ORIGINALS))(
    '%s: what is kept stands in the file, the rest is reported or refused',
    async (name, text) => {
      const original = Buffer.from(text)
      expect((await outcome(original))?.workload.count).toBe(COUNT)
      let read = 0
      for (const bytes of mutants(name, original, [...ANY, ...LINES, replaceNumber, replaceNumber, replaceNumber])) {
        const result = await outcome(bytes)
        if (result === null) continue
        read++
        expectSound(result)
        expectInFile(result, bytes)
      }
      // Both outcomes must be met often, or the fuzzing says nothing.
      expect(read).toBeGreaterThan(FILES / 10)
      expect(read).toBeLessThan(FILES)
    },
  )

  it('in gzip: refused, or the very same rows', async () => {
    const text = Buffer.from(ORIGINALS.csv)
    const hash = traceHash(((await outcome(text)) as ReadResult).workload)
    for (const bytes of mutants('gzip', gzipSync(text), ANY, 2)) {
      // A damaged magic number makes it another, binary file.
      const result = await outcome(bytes)
      if (result !== null) expect(traceHash(result.workload)).toBe(hash)
    }
  })
})

describe('damaged .swt files', () => {
  const original = Buffer.from(encodeTrace(own))

  it('are refused or hold the very same requests', async () => {
    const hash = traceHash(own)
    let read = 0
    for (const bytes of mutants('swt', original, ANY, 2)) {
      const result = await outcome(bytes)
      if (result === null) continue
      read++
      expect(traceHash(result.workload)).toBe(hash)
    }
    expect(read).toBeLessThan(FILES / 3)
  })

  it('of the older kind, without a hash, are refused or hold values in range', async () => {
    const { hash: _, ...older } = decode(original) as Record<string, unknown>
    let read = 0
    for (const bytes of mutants('swt-older', Buffer.from(encode(older)), ANY, 2)) {
      const result = await outcome(bytes)
      if (result === null) continue
      read++
      const { arrivalNs, parent } = result.workload
      const waiting = arrivalNs.map((time, i) => (Number.isNaN(time) && (parent?.[i] ?? -1) >= 0 ? 1 : 0))
      const arrived = arrivalNs.filter((time) => !Number.isNaN(time))
      expect(waiting.reduce((sum, n) => sum + n, 0) + arrived.length).toBe(result.workload.count)
      expectSound({ ...result, workload: { ...result.workload, arrivalNs: filled(arrivalNs) } })
    }
    expect(read).toBeGreaterThan(0)
  })

  it('with values of wrong types are refused', async () => {
    const wrong = [
      null,
      undefined,
      true,
      -1,
      1.5,
      2 ** 40,
      1e300,
      Number.NaN,
      '',
      'x',
      [],
      {},
      [1],
      new Uint8Array(3),
      new Date(0),
      7n,
    ]
    const rng = stream(20261124, 'fuzz/swt-types')
    for (let i = 0; i < FILES; i++) {
      const file = decode(original) as Record<string, Record<string, unknown>>
      const target = rng.uniform() < 0.3 ? file : (choose(Object.values(file.columns), rng) as Record<string, unknown>)
      const key = choose(
        Object.keys(target).filter((name) => name !== 'provenance' && name !== 'hash'),
        rng,
      )
      target[key] = choose(wrong, rng)
      const bytes = encode(file, { useBigInt64: true })
      expect(await outcome(bytes), `${key} = ${String(target[key])}`).toBeNull()
    }
  })
})

/** Times with each NaN replaced by the one before it. */
function filled(times: Float64Array): Float64Array {
  let latest = 0
  return times.map((time) => {
    if (!Number.isNaN(time)) latest = time
    return latest
  })
}

it('takes less than 15 s in all', () => {
  expect(cpuSeconds() - began).toBeLessThan(MOST_SECONDS)
  expect(readFileSync(path).length).toBeGreaterThan(0)
})

/**
 * Damaged files of every format: each must be read, with its bad rows skipped and reported, or be refused with a `UserError`. No other
 * exception, no hang, and no row that is not in the file. The mutations come from a fixed seed. `FUZZ_FILES=10000` damages more files a format.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { decode, encode } from '@msgpack/msgpack'
import { afterAll, describe, expect, it } from 'vitest'
import { UserError } from '../src/errors.js'
import { stream } from '../src/rng.js'
import { FORMAT_NAMES } from '../src/traces/formats/catalogue.js'
import { type ReadOptions, type ReadResult, readTrace, traceHash, workloadFault } from '../src/traces/index.js'
import { encodeTrace } from '../src/traces/shapewiseFormat.js'
import { ANY, choose, IN_PLACE, LINES, type Mutation, replaceNumber } from './fuzz/mutations.js'
import { ORIGINALS, type Original, OWN, PARQUET_TABLE_ROWS, PARQUET_TABLES, VARIANTS } from './fuzz/originals.js'

const CI_FILES = 150
const FILES = Number(process.env.FUZZ_FILES ?? CI_FILES)
const MOST_SECONDS = 25
/** A file of some 10 KB that takes longer hangs. */
const MOST_FILE_SECONDS = 5
const HOUR_MS = 3_600_000

const folder = mkdtempSync(join(tmpdir(), 'traces-fuzz-'))
const path = join(folder, 'trace')
/** Of the processor, by this thread: other work of the process or the machine is not ours. Where the system does not tell, time on its event loop. */
const SCHEDULED = '/proc/thread-self/schedstat'
const cpuSeconds = existsSync(SCHEDULED)
  ? (): number => Number(readFileSync(SCHEDULED, 'utf8').split(' ')[0]) / 1e9
  : (): number => performance.eventLoopUtilization().active / 1000
const began = cpuSeconds()
afterAll(() => rmSync(folder, { recursive: true, force: true }))

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
async function outcome(bytes: Uint8Array, options: Partial<ReadOptions> = {}): Promise<ReadResult | null> {
  writeFileSync(path, bytes)
  const start = cpuSeconds()
  try {
    return await readTrace(path, { spreadTicks: true, ...options })
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    for (const fault of error.faults) {
      expect(fault.message).toMatch(/^\S.*\S$/s)
      expect(fault.message.length).toBeLessThan(2000)
    }
    return null
  } finally {
    expect(cpuSeconds() - start).toBeLessThan(MOST_FILE_SECONDS)
  }
}

/** The contract of a workload, and that the report accounts for every row. */
function expectSound({ workload, report }: ReadResult): void {
  const { count } = workload
  expect(report.rowsKept).toBe(count)
  expect(report.rowsRead).toBe(report.rowsKept + report.rowsSkipped)
  expect(report.skippedByReason.reduce((sum, reason) => sum + reason.count, 0)).toBe(report.rowsSkipped)
  expect(count).toBeGreaterThan(0)
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

const texts: [string, Original][] = [
  ...Object.entries(ORIGINALS).filter(([name]) => name !== 'shapewise' && name !== 'parquet'),
  ...Object.entries(VARIANTS).filter(([name]) => !name.startsWith('gzip')),
]

it('has an original of every format, each read as that format', async () => {
  expect(Object.keys(ORIGINALS).sort()).toEqual([...FORMAT_NAMES].sort())
  for (const [name, { bytes, options, rows }] of Object.entries(ORIGINALS)) {
    const result = await outcome(bytes, options)
    expect(result?.report.format).toBe(name)
    expect(result?.workload.count, name).toBe(rows)
  }
})

describe('damaged text', () => {
  it.each(texts)(
    '%s: what is kept stands in the file, the rest is reported or refused',
    async (name, { bytes: original, rows, literal, options }) => {
      expect((await outcome(original, options))?.workload.count).toBe(rows)
      let read = 0
      for (const bytes of mutants(name, original, [...ANY, ...LINES, replaceNumber, replaceNumber, replaceNumber])) {
        const result = await outcome(bytes, options)
        if (result === null) continue
        read++
        expectSound(result)
        if (literal) expectInFile(result, bytes)
      }
      // Both outcomes must be met, or the fuzzing says nothing.
      expect(read).toBeGreaterThan(FILES / 20)
      expect(read).toBeLessThan(FILES)
    },
    HOUR_MS,
  )

  it(
    'in gzip: refused, or the very same rows',
    async () => {
      const text = ORIGINALS.csv.bytes
      const hash = traceHash(((await outcome(text)) as ReadResult).workload)
      for (const bytes of mutants('gzip', gzipSync(text), ANY, 2)) {
        // A damaged magic number makes it another, binary file.
        const result = await outcome(bytes)
        if (result !== null) expect(traceHash(result.workload)).toBe(hash)
      }
    },
    HOUR_MS,
  )
})

describe('damaged .swt files', () => {
  const original = Buffer.from(encodeTrace(OWN))

  it(
    'are refused or hold the very same requests',
    async () => {
      const hash = traceHash(OWN)
      let read = 0
      for (const bytes of mutants('swt', original, ANY, 2)) {
        const result = await outcome(bytes)
        if (result === null) continue
        read++
        expect(traceHash(result.workload)).toBe(hash)
      }
      expect(read).toBeLessThan(FILES / 3)
    },
    HOUR_MS,
  )

  it(
    'of the older kind, without a hash, are refused or hold values in range',
    async () => {
      const { hash: _, ...older } = decode(original) as Record<string, unknown>
      let read = 0
      for (const bytes of mutants('swt-older', Buffer.from(encode(older)), ANY, 2)) {
        const result = await outcome(bytes)
        if (result === null) continue
        read++
        expectSound(result)
      }
      expect(read).toBeGreaterThan(0)
    },
    HOUR_MS,
  )

  it(
    'with values of wrong types are refused',
    async () => {
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
    },
    HOUR_MS,
  )
})

describe('damaged Parquet files', () => {
  it(
    'of our own are refused or hold the very same requests',
    async () => {
      const original = ORIGINALS.parquet.bytes
      const hash = traceHash(((await outcome(original)) as ReadResult).workload)
      let refused = 0
      for (const bytes of mutants('parquet', original, [...ANY, ...IN_PLACE], 2)) {
        const result = await outcome(bytes)
        if (result === null) refused++
        else expect(traceHash(result.workload)).toBe(hash)
      }
      expect(refused).toBeGreaterThan(FILES / 3)
    },
    HOUR_MS,
  )

  it.each(Object.entries(PARQUET_TABLES))(
    'of others, %s: are refused or hold values in range',
    async (name, original) => {
      expect((await outcome(original))?.workload.count).toBe(PARQUET_TABLE_ROWS)
      let read = 0
      for (const bytes of mutants(`parquet-${name}`, original, [...IN_PLACE, ...IN_PLACE, ...ANY], 2)) {
        const result = await outcome(bytes)
        if (result === null) continue
        read++
        expectSound(result)
      }
      expect(read).toBeGreaterThan(FILES / 20)
      expect(read).toBeLessThan(FILES)
    },
    HOUR_MS,
  )
})

it.runIf(FILES <= CI_FILES)(`takes less than ${MOST_SECONDS} s of the processor in all`, () => {
  const seconds = cpuSeconds() - began
  expect(seconds).toBeGreaterThan(1)
  expect(seconds).toBeLessThan(MOST_SECONDS)
  expect(readFileSync(path).length).toBeGreaterThan(0)
})

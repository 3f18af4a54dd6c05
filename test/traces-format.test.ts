/** Our own trace files and CSV files hold exactly what was written; hashes speak of content alone; damage is noticed. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { decode, encode } from '@msgpack/msgpack'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { UserError } from '../src/errors.js'
import { createBlockBuilder } from '../src/traces/blocks.js'
import { COLUMN_NAMES } from '../src/traces/contentColumns.js'
import { readTrace, traceHash, type Workload, writeCsv, writeTrace } from '../src/traces/index.js'
import { decodeTrace, encodeTrace } from '../src/traces/shapewiseFormat.js'
import { shapesOnly } from '../src/traces/workload.js'

const folder = mkdtempSync(join(tmpdir(), 'traces-format-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const INT32 = 2 ** 31 - 1
const LATEST_NS = 2 ** 53

const int32 = (min: number, max: number, count: number) =>
  fc.array(fc.integer({ min, max }), { minLength: count, maxLength: count }).map((values) => Int32Array.from(values))

const provenance = fc.record({
  name: fc.string({ maxLength: 20 }),
  format: fc.constantFrom('azure', 'mooncake', 'csv', 'generated'),
  note: fc.string({ unit: 'grapheme', maxLength: 50 }),
  rowsRead: fc.nat(),
  rowsSkipped: fc.nat(),
})

const sortedTimes = (count: number) =>
  fc
    .array(fc.oneof(fc.integer({ min: 0, max: 1e6 }), fc.integer({ min: 0, max: LATEST_NS })), {
      minLength: count,
      maxLength: count,
    })
    .map((times) => Float64Array.from(times).sort())

/** Sessions: some requests wait for an earlier one, and perhaps for others that join them, and have no arrival of their own. */
const sessions = (count: number) =>
  fc
    .record({
      parents: fc.array(fc.integer({ min: -1, max: count - 1 }), { minLength: count, maxLength: count }),
      waits: fc.array(fc.nat({ max: 2 ** 51 }), { minLength: count, maxLength: count }),
      joins: fc.option(fc.array(fc.integer({ min: -1, max: count - 1 }), { minLength: count, maxLength: count }), { nil: null }),
      session: fc.option(int32(-1, 9, count), { nil: null }),
    })
    .map(({ parents, waits, joins: targets, session }) => {
      const parent = Int32Array.from(parents, (of, i) => (of < i ? of : -1))
      const waitNs = Float64Array.from(waits)
      if (targets === null) return { session, parent, waitNs }
      const joins = Int32Array.from(targets, (target, i) => (target > i && parent[target] >= 0 ? target : -1))
      const joinCount = parent.map((of) => (of >= 0 ? 1 : 0))
      for (const target of joins) if (target >= 0) joinCount[target]++
      return { session, parent, waitNs, joins, joinCount }
    })

/** At most as many blocks as tokens, and dense ids: a new block takes the next number. */
const blocks = (isl: Int32Array) =>
  fc
    .record({
      steps: fc.array(fc.array(fc.nat({ max: 3 }), { maxLength: 5 }), { minLength: isl.length, maxLength: isl.length }),
      blockTokens: fc.constantFrom(1, 16, 512),
    })
    .map(({ steps, blockTokens }) => {
      const builder = createBlockBuilder()
      let known = 0
      steps.forEach((choices, i) => {
        builder.next()
        for (const choice of choices.slice(0, isl[i])) builder.push(choice === 0 || known === 0 ? known++ : choice % known)
      })
      return { ...builder.columns(), blockTokens }
    })

const option = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null })

const workloads = fc
  .integer({ min: 1, max: 40 })
  .chain((count) => fc.record({ count: fc.constant(count), isl: int32(1, INT32, count) }))
  .chain(({ count, isl }) =>
    fc
      .record({
        arrivalNs: sortedTimes(count),
        isl: fc.constant(isl),
        osl: int32(1, INT32, count),
        classId: option(int32(0, 65535, count).map((ids) => Uint16Array.from(ids))),
        tenant: option(int32(-(2 ** 31), INT32, count)),
        sessions: option(sessions(count)),
        blocks: option(blocks(isl)),
        names: fc.record({ tenant: option(fc.array(fc.string())), class: option(fc.array(fc.string())) }),
        provenance,
      })
      .map(({ arrivalNs, sessions: session, blocks: block, ...columns }): Workload => {
        const times = session === null ? arrivalNs : arrivalNs.map((time, i) => (session.parent[i] >= 0 ? Number.NaN : time))
        return { ...shapesOnly(times, columns.isl, columns.osl, columns.provenance), ...columns, ...session, ...block }
      }),
  )

const plain: Workload = shapesOnly(Float64Array.of(0, 5, 5, 9e9), Int32Array.of(10, 20, 30, 40), Int32Array.of(1, 2, 3, 4), {
  name: 'plain',
  format: 'csv',
  note: 'Four requests.',
  rowsRead: 5,
  rowsSkipped: 1,
})

describe('a .swt trace', () => {
  it.each(['.swt', '.swt.gz'])('holds every column of any workload: %s', async (ending) => {
    const path = join(folder, `any${ending}`)
    await fc.assert(
      fc.asyncProperty(workloads, async (workload) => {
        await writeTrace(path, workload)
        const { workload: read, report } = await readTrace(path, { spreadTicks: false })
        expect(read).toEqual(workload)
        expect(traceHash(read)).toBe(traceHash(workload))
        expect(report).toMatchObject({ format: 'shapewise', rowsRead: workload.count, rowsSkipped: 0 })
      }),
      { numRuns: 150, seed: 1 },
    )
  })

  it('is small, and compressed by its name', async () => {
    const count = 10_000
    const workload = shapesOnly(
      Float64Array.from({ length: count }, (_, i) => i * 1e8 + ((i * 7919) % 1e6)),
      Int32Array.from({ length: count }, (_, i) => 1 + ((i * 104_729) % 4096)),
      Int32Array.from({ length: count }, (_, i) => 1 + ((i * 1299) % 512)),
      plain.provenance,
    )
    await writeTrace(join(folder, 'small.swt'), workload)
    await writeTrace(join(folder, 'small.swt.gz'), workload)
    const bytes = readFileSync(join(folder, 'small.swt'))
    expect(bytes.length).toBeLessThan(9 * count)
    expect(gunzipSync(readFileSync(join(folder, 'small.swt.gz'))).equals(bytes)).toBe(true)
  })

  it('leaves no half-written file and no temporary one', async () => {
    const path = join(folder, 'none', 'x.swt')
    await expect(writeTrace(path, plain)).rejects.toThrow(
      new UserError({
        where: path,
        message: `There is no folder ${join(folder, 'none')} to write to.`,
        hint: 'Choose a folder that exists and that you may write to.',
      }),
    )
    await expect(writeTrace(folder, plain)).rejects.toThrow('The file cannot be written (')
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })
})

describe('a .swt trace that cannot be read', () => {
  const messageOf = (bytes: Uint8Array): string => {
    try {
      decodeTrace(bytes, 'x.swt')
    } catch (error) {
      if (error instanceof UserError) return error.faults[0].message
      throw error
    }
    return 'read'
  }
  const changed = (change: (file: Record<string, unknown>, columns: Record<string, Record<string, unknown>>) => void) => {
    const file = decode(encodeTrace(plain)) as Record<string, unknown>
    change(file, file.columns as Record<string, Record<string, unknown>>)
    return messageOf(encode(file))
  }

  it('of another version', async () => {
    const path = join(folder, 'new.swt.gz')
    const file = decode(encodeTrace(plain)) as Record<string, unknown>
    writeFileSync(path, gzipSync(encode({ ...file, version: 3 })))
    await expect(readTrace(path, { spreadTicks: false })).rejects.toThrow(
      new UserError({
        where: path,
        message: 'The trace file has format version 3; this version of Shapewise reads 2.',
        hint: 'Use a newer Shapewise, or write the trace anew.',
      }),
    )
    expect(changed((f) => delete f.version)).toBe(
      'The trace file has format version undefined; this version of Shapewise reads 2.',
    )
  })

  it('cut off or with more behind it', async () => {
    const bytes = encodeTrace(plain)
    const path = join(folder, 'cut.swt')
    writeFileSync(path, bytes.subarray(0, 100))
    await expect(readTrace(path, { spreadTicks: false })).rejects.toThrow(
      new UserError({
        where: path,
        message: 'The trace file is damaged: it cannot be decoded to its end.',
        hint: 'Copy it again, or write it anew from its source.',
      }),
    )
    expect(messageOf(Buffer.concat([bytes, Buffer.of(1)]))).toBe('The trace file is damaged: it cannot be decoded to its end.')
  })

  it('without requests', async () => {
    const path = join(folder, 'empty.swt')
    await writeTrace(path, shapesOnly(new Float64Array(), new Int32Array(), new Int32Array(), plain.provenance))
    await expect(readTrace(path, { spreadTicks: false })).rejects.toThrow('The trace holds no requests.')
  })

  it.each<[string, (file: Record<string, unknown>, columns: Record<string, Record<string, unknown>>) => void]>([
    ['its count of requests is none', (f) => (f.count = -1)],
    ['its count of requests is none', (f) => (f.count = '4')],
    ['its tokens per prefix block are no whole number', (f) => (f.blockTokens = 1.5)],
    ['it has no columns', (f) => (f.columns = null)],
    ['it does not begin with shapewise-trace', (f) => (f.magic = 'other')],
    ['column colour is unknown', (_, c) => (c.colour = c.isl)],
    ['column isl is missing or broken', (_, c) => delete c.isl],
    ['column isl is missing or broken', (_, c) => (c.isl.type = 'f64')],
    ['column isl is missing or broken', (_, c) => (c.isl.encoding = 'zip')],
    ['column isl is missing or broken', (_, c) => (c.isl.length = 2 ** 30)],
    ['column isl is missing or broken', (_, c) => (c.isl.data = new Uint8Array([2, 4, 6]))],
    ['column isl is missing or broken', (_, c) => (c.isl.data = new Uint8Array([255, 255, 255, 255, 255, 255, 255, 255, 255]))],
    ['column tenant is missing or broken', (_, c) => Object.assign(c, { tenant: 'x' })],
    ['column osl has a wrong length', (_, c) => Object.assign(c.osl, { length: 1, data: new Uint8Array([2]) })],
    ['request 0 has a length below 1', (_, c) => (c.isl.data = new Uint8Array([0, 4, 6, 8]))],
    ['request 1 arrives before the one before it', (_, c) => (c.arrivalNs.data = new Uint8Array([20, 1, 2, 2]))],
    ['prefix blocks are incomplete', (_, c) => (c.runCount = c.isl)],
    ['its content does not match its hash', (_, c) => (c.isl.data = new Uint8Array([20, 40, 60, 82]))],
  ])('because %s', (what, change) => {
    expect(changed(change)).toBe(`The trace file is damaged: ${what}.`)
  })

  const CHAIN = Int32Array.of(-1, 0, 1, 2)
  const runs = (other: Partial<Workload>): Partial<Workload> => ({
    runOffset: new Float64Array(4),
    runCount: Int32Array.of(1, 1, 1, 1),
    runFirst: Int32Array.of(0),
    runLength: Int32Array.of(1),
    ...other,
  })
  const withColumns = (columns: Partial<Workload>) => messageOf(encodeTrace({ ...plain, ...columns }))
  it.each<[string, Partial<Workload>]>([
    ['request 1 has neither an arrival time nor a parent', { arrivalNs: Float64Array.of(0, Number.NaN, 1, 2) }],
    ['request 3 has no arrival time in whole ns', { arrivalNs: Float64Array.of(0, 1, 2, 2.5) }],
    ['request 0 has no arrival time in whole ns', { arrivalNs: Float64Array.of(-1, 1, 2, 3) }],
    ['request 3 has no arrival time in whole ns', { arrivalNs: Float64Array.of(0, 1, 2, Number.POSITIVE_INFINITY) }],
    ['request 2 has an impossible parent', { parent: Int32Array.of(-1, -1, 2, -1) }],
    ['request 3 has an impossible parent', { parent: Int32Array.of(-1, -1, 1, 4) }],
    ['request 2 has an impossible wait', { parent: Int32Array.of(-1, -1, 1, 2), waitNs: Float64Array.of(0, 0, -1, 2) }],
    ['requests wait, but for nobody', { waitNs: Float64Array.of(0, 0, 0, 0) }],
    ['joins are incomplete', { parent: CHAIN, joins: Int32Array.of(-1, -1, -1, -1) }],
    [
      'request 0 joins an impossible request',
      { parent: CHAIN, joins: Int32Array.of(0, -1, -1, -1), joinCount: Int32Array.of(0, 1, 1, 1) },
    ],
    [
      'request 3 waits for 1 ends, but 2 are named',
      { parent: CHAIN, joins: Int32Array.of(3, -1, -1, -1), joinCount: Int32Array.of(0, 1, 1, 1) },
    ],
    ['request 1 has an impossible session', { session: Int32Array.of(0, -2, 0, 0) }],
    ['request 3 points outside the prefix blocks', runs({ runOffset: Float64Array.of(0, 0, 0, 1) })],
    ['a prefix block has a negative id', runs({ runFirst: Int32Array.of(-1) })],
    ['a run of prefix blocks has an impossible length', runs({ runLength: Int32Array.of(0) })],
    ['request 0 has more prefix blocks than tokens', runs({ runLength: Int32Array.of(11) })],
    ['ids of prefix blocks are not dense', runs({ runFirst: Int32Array.of(7) })],
  ])('because %s', (what, columns) => {
    expect(withColumns(columns)).toBe(`The trace file is damaged: ${what}.`)
  })

  it('unless it is an older one, which has no hash', () => {
    expect(changed((f) => delete f.hash)).toBe('read')
  })
})

describe('traceHash', () => {
  it('depends on the content of every column and on nothing else', () => {
    fc.assert(
      fc.property(workloads, provenance, fc.nat(), (workload, other, at) => {
        const hash = traceHash(workload)
        expect(hash).toMatch(/^[0-9a-f]{12}$/)
        expect(traceHash({ ...workload, provenance: other })).toBe(hash)
        for (const name of COLUMN_NAMES) {
          const column = workload[name]
          if (column === null || column.length === 0) continue
          const changed = column.slice()
          const i = at % column.length
          changed[i] = Number.isNaN(changed[i]) ? 0 : changed[i] === 0 ? 1 : 0
          expect(traceHash({ ...workload, [name]: changed })).not.toBe(hash)
          if (!['arrivalNs', 'isl', 'osl'].includes(name)) expect(traceHash({ ...workload, [name]: null })).not.toBe(hash)
        }
        expect(traceHash({ ...workload, blockTokens: workload.blockTokens + 1 })).not.toBe(hash)
      }),
      { numRuns: 200, seed: 2 },
    )
  })

  it('is the same for a view of a larger buffer, and fixed for ever', () => {
    const arrivalNs = Float64Array.of(7, 0, 5, 5, 9e9).subarray(1)
    expect(traceHash({ ...plain, arrivalNs })).toBe(traceHash(plain))
    expect(traceHash(plain)).toBe('16b57461379b')
  })
})

describe('a CSV file', () => {
  it('holds time and lengths of any workload exactly', async () => {
    const path = join(folder, 'any.csv')
    await fc.assert(
      fc.asyncProperty(workloads, async (given) => {
        // The reader moves the first arrival to 0, and the last one must be within its 104 days.
        const first = given.arrivalNs.find((time) => !Number.isNaN(time)) ?? 0
        const workload = { ...given, arrivalNs: given.arrivalNs.map((time) => Math.min(time - first, LATEST_NS - 2)) }
        if (workload.arrivalNs.some(Number.isNaN)) {
          await expect(writeCsv(path, workload)).rejects.toThrow('Three columns cannot hold requests that wait for others.')
          return
        }
        await writeCsv(path, workload)
        const read = (await readTrace(path, { spreadTicks: true })).workload
        const ticks = new Set(workload.arrivalNs).size < workload.count
        if (!ticks) expect(read.arrivalNs).toEqual(workload.arrivalNs)
        expect(read.count).toBe(workload.count)
        if (ticks) return
        expect(read.isl).toEqual(workload.isl)
        expect(read.osl).toEqual(workload.osl)
      }),
      { numRuns: 150, seed: 3 },
    )
  })

  it('has three named columns and nine decimals', async () => {
    const path = join(folder, 'plain.csv')
    await writeCsv(path, plain)
    expect(readFileSync(path, 'utf8')).toBe(
      'arrival_s,input_tokens,output_tokens\n0.000000000,10,1\n0.000000005,20,2\n0.000000005,30,3\n9.000000000,40,4\n',
    )
  })
})

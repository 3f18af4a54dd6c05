/** Our own trace files hold exactly what was written; hashes speak of content alone; damage is noticed. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { decode, encode } from '@msgpack/msgpack'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { UserError } from '../src/errors.js'
import { COLUMN_NAMES } from '../src/traces/contentColumns.js'
import { readTrace, traceHash, type Workload, writeTrace } from '../src/traces/index.js'
import { decodeTrace, encodeTrace } from '../src/traces/shapewiseFormat.js'
import { shapesOnly } from '../src/traces/workload.js'
import { plain, provenance, workloads } from './anyWorkload.js'

const folder = mkdtempSync(join(tmpdir(), 'traces-format-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

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

  it('is read again whatever it names: a million tenants and more, a long text', () => {
    const tenant = Array.from({ length: 1_060_000 }, (_, i) => String(i))
    const named = { ...plain, tenant: Int32Array.of(0, 1, 2, 3), names: { tenant, class: ['long'.repeat(300_000)] } }
    expect(decodeTrace(encodeTrace(named), 'x.swt').names).toEqual(named.names)
  })

  it('leaves no half-written file and no temporary one', async () => {
    const path = join(folder, 'none', 'x.swt')
    await expect(writeTrace(path, plain)).rejects.toThrow(
      new UserError({
        where: path,
        message: `there is no folder ${join(folder, 'none')} to write to`,
        hint: 'make it, or choose another',
      }),
    )
    await expect(writeTrace(folder, plain)).rejects.toThrow('it is a folder, not a file')
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
        message: 'the trace file has format version 3; this version of Shapewise reads 2',
        hint: 'use a newer Shapewise, or write the trace anew',
      }),
    )
    expect(changed((f) => delete f.version)).toBe(
      'the trace file has format version undefined; this version of Shapewise reads 2',
    )
  })

  it('cut off or with more behind it', async () => {
    const bytes = encodeTrace(plain)
    const path = join(folder, 'cut.swt')
    writeFileSync(path, bytes.subarray(0, 100))
    await expect(readTrace(path, { spreadTicks: false })).rejects.toThrow(
      new UserError({
        where: path,
        message: 'the trace file is damaged: it cannot be decoded to its end',
        hint: 'copy it again, or write it anew from its source',
      }),
    )
    expect(messageOf(Buffer.concat([bytes, Buffer.of(1)]))).toBe('the trace file is damaged: it cannot be decoded to its end')
  })

  it('without requests', async () => {
    const path = join(folder, 'empty.swt')
    await writeTrace(path, shapesOnly(new Float64Array(), new Int32Array(), new Int32Array(), plain.provenance))
    await expect(readTrace(path, { spreadTicks: false })).rejects.toThrow('the trace holds no requests')
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
    expect(changed(change)).toBe(`the trace file is damaged: ${what}`)
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
    expect(withColumns(columns)).toBe(`the trace file is damaged: ${what}`)
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

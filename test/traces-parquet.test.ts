/** Parquet files of others are read by their columns; damaged ones are refused, or hold the very same requests. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { CompressionCodec, SchemaElement } from 'hyparquet'
import { ByteWriter, type ColumnSource, parquetWrite, parquetWriteBuffer } from 'hyparquet-writer'
import { afterAll, describe, expect, it } from 'vitest'
import { UserError } from '../src/errors.js'
import { type ReadOptions, readTrace, shapesOnly, writeWorkload } from '../src/traces/index.js'

const folder = mkdtempSync(join(tmpdir(), 'traces-parquet-'))
const path = join(folder, 'trace.parquet')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function read(bytes: ArrayBuffer | Uint8Array, options: Partial<ReadOptions> = {}) {
  writeFileSync(path, new Uint8Array(bytes as ArrayBuffer))
  return readTrace(path, { spreadTicks: false, keepTicks: true, ...options })
}

const refusal = async (bytes: ArrayBuffer | Uint8Array, options: Partial<ReadOptions> = {}) => {
  const error = await read(bytes, options).catch((reason: unknown) => reason)
  if (error instanceof UserError) return error.faults[0]
  throw new Error(`read, or ${String(error)}`)
}

const table = (...columns: readonly ColumnSource[]) => parquetWriteBuffer({ columnData: [...columns] })
const lengths: readonly ColumnSource[] = [
  { name: 'prompt_tokens', data: [10, 20, 30], type: 'INT64' },
  { name: 'completion_tokens', data: [1, 2, 3], type: 'INT32' },
].map(({ data, ...column }) => ({ ...column, data: column.type === 'INT64' ? data.map(BigInt) : data }) as ColumnSource)

describe('a table of others', () => {
  it('is read by the names of its columns, numbers of any type', async () => {
    const { workload, report } = await read(table({ name: 'arrival_ms', data: [5, 6.5, 9.25], type: 'DOUBLE' }, ...lengths))
    expect(workload.arrivalNs).toEqual(Float64Array.of(0, 1_500_000, 4_250_000))
    expect(workload.isl).toEqual(Int32Array.of(10, 20, 30))
    expect(workload.osl).toEqual(Int32Array.of(1, 2, 3))
    expect(report).toMatchObject({ format: 'parquet', rowsRead: 3, rowsSkipped: 0 })
    expect(report.notes).toContain('Time is in ms, from the name of its column.')
    const more = ['request', 'response'].map((name): ColumnSource => ({ name, data: [200, 200, 200], type: 'INT32' }))
    const time: ColumnSource = { name: 'arrival_ms', data: [5, 6.5, 9.25], type: 'DOUBLE' }
    expect((await read(table(...more, time, ...lengths))).workload).toEqual(workload)
  })

  it('keeps every digit of timestamps and of long numbers', async () => {
    const schema: SchemaElement[] = [
      { name: 'root', num_children: 3 },
      {
        name: 'time',
        type: 'INT64',
        repetition_type: 'REQUIRED',
        logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'NANOS' },
      },
      { name: 'prompt_tokens', type: 'INT64', repetition_type: 'REQUIRED' },
      { name: 'completion_tokens', type: 'INT32', repetition_type: 'REQUIRED' },
    ]
    const writer = new ByteWriter()
    const times = [1_700_000_000_123_456_789n, 1_700_000_000_123_456_790n, 1_700_000_001_000_000_000n]
    void parquetWrite({
      writer,
      schema,
      columnData: [{ name: 'time', data: times }, ...lengths.map(({ name, data }) => ({ name, data }))],
    })
    const { workload, report } = await read(writer.getBuffer())
    expect(workload.arrivalNs).toEqual(Float64Array.of(0, 1, 876_543_211))
    expect(report.notes.join()).not.toMatch(/seconds/)
    await expect(read(writer.getBuffer(), { columns: { timeUnit: 'ns' } })).rejects.toThrow(
      /the time unit has no effect: the times are dates/,
    )
    const waits: ColumnSource = { name: 'wait', data: [0, 20, 30], type: 'INT32' }
    const sessions: ColumnSource = { name: 'session', data: ['a', 'a', 'a'], type: 'STRING' }
    const text: ColumnSource = {
      name: 'time',
      data: ['2026-01-01 00:00:00', '2026-01-01 00:00:01', '2026-01-01 00:00:02'],
      type: 'STRING',
    }
    expect((await read(table(text, ...lengths))).report.notes.join()).not.toMatch(/seconds/)
    const inMs = await read(table(text, ...lengths, sessions, waits), { columns: { timeUnit: 'ms' } })
    expect([...(inMs.workload.waitNs as Float64Array)]).toEqual([0, 20e6, 30e6])
    const inNs = await read(table({ name: 'time', data: times, type: 'INT64' }, ...lengths), { columns: { timeUnit: 'ns' } })
    expect(inNs.workload.arrivalNs).toEqual(workload.arrivalNs)
  })

  it('takes text, dates and chosen columns, and judges rows as a CSV does', async () => {
    const file = table(
      { name: 'when', data: ['2026-01-01 00:00:00.5', '2026-01-01 00:00:02', null, 'noon'], type: 'STRING' },
      { name: 'in', data: [7, 8, 9, 10], type: 'INT32' },
      { name: 'out', data: [1, 2, 3, 4], type: 'INT32' },
      { name: 'who', data: ['a,"b"\n', 'c', 'c', 'c'], type: 'STRING' },
    )
    const { workload, report } = await read(file, { columns: { time: 'when', tenant: 'who' } })
    expect(workload.arrivalNs).toEqual(Float64Array.of(0, 1.5e9))
    expect(workload.names.tenant).toEqual(['a,"b"', 'c'])
    expect(report.skippedByReason).toEqual([
      { reason: 'time is missing', count: 1 },
      { reason: 'time cannot be read as a number, a date or a time of day', count: 1 },
    ])
    const noon = table({ name: 'time', data: ['noon', 'noon', 'noon'], type: 'STRING' }, ...lengths)
    expect(await refusal(noon)).toMatchObject({ where: `${path}:1`, message: expect.stringMatching(/: 'noon'$/) })
    expect((await refusal(file)).message).toBe('no column is known to be the arrival time; the columns are when, in, out, who')
  })

  it('keeps names apart that differ in marks of a CSV', async () => {
    const names = ['#c', 'c#', 'c"', '"c"', 'c', '#', '"']
    const numbers = names.map((_, i) => i + 1)
    const file = table(
      { name: 'tenant', data: names, type: 'STRING' },
      { name: 'arrival_s', data: numbers, type: 'INT32' },
      { name: 'isl', data: numbers, type: 'INT32' },
      { name: 'osl', data: numbers, type: 'INT32' },
    )
    const { workload } = await read(file)
    expect(workload.names.tenant).toEqual(names)
    expect(workload.count).toBe(names.length)
  })

  it('stops at the limit after the row group that holds it', async () => {
    const columnData = [
      { name: 'arrival_s', data: Array.from({ length: 50 }, (_, i) => i), type: 'INT32' },
      { name: 'isl', data: new Array(50).fill(5), type: 'INT32' },
      { name: 'osl', data: new Array(50).fill(5), type: 'INT32' },
    ] as ColumnSource[]
    const { workload, report } = await read(parquetWriteBuffer({ columnData, rowGroupSize: 10 }), { limit: 15 })
    expect(workload.count).toBe(15)
    expect(report.rowsRead).toBe(20)
  })

  it.each<[CompressionCodec, (input: Uint8Array) => Uint8Array]>([['GZIP', (input) => gzipSync(input)]])(
    'reads pages in %s',
    async (codec, compress) => {
      const writer = new ByteWriter()
      const columnData = [{ name: 'arrival_s', data: [0, 1, 2], type: 'INT32' } as ColumnSource, ...lengths]
      void parquetWrite({ writer, columnData, codec, compressors: { [codec]: compress } })
      expect((await read(writer.getBuffer())).workload.count).toBe(3)
    },
  )
})

describe('a file that cannot be read', () => {
  const trace = shapesOnly(
    Float64Array.from({ length: 200 }, (_, i) => i * 1e8 + ((i * 7919) % 1e6)),
    Int32Array.from({ length: 200 }, (_, i) => 1 + ((i * 104_729) % 4096)),
    Int32Array.from({ length: 200 }, (_, i) => 1 + ((i * 1299) % 512)),
    { name: 'x', format: 'csv', note: '', rowsRead: 200, rowsSkipped: 0 },
  )

  it('says why', async () => {
    await writeWorkload(path, trace, { to: 'parquet' })
    const whole = readFileSync(path)
    expect((await refusal(whole.subarray(0, 10))).message).toMatch(/it is too short/)
    expect((await refusal(gzipSync(whole))).hint).toBe('unpack it first, with `gzip -d`')
    expect((await refusal(whole, { columns: { time: 'arrival_ns' } })).message).toBe(
      'the file is a trace of our own: its columns and units are known',
    )
    const nameless = Buffer.from(whole.toString('latin1').replace(/shapewise(?! trace)/, 'shapevise'), 'latin1')
    expect(nameless.equals(whole)).toBe(false)
    expect((await refusal(nameless)).message).toMatch(/we wrote it, and its metadata under the key shapewise are gone/)
    const other = Buffer.from(whole.toString('latin1').replace('"version":1', '"version":7'), 'latin1')
    expect((await refusal(other)).message).toBe('the trace in this Parquet file has version 7; this version of Shapewise reads 1')
  })

  it('of others, damaged by the largest possible number at any place, is read or refused', async () => {
    const rows = Array.from({ length: 40 }, (_, i) => i)
    const columnData: ColumnSource[] = [
      { name: 'arrival_s', data: rows.map((i) => i / 2), type: 'DOUBLE', nullable: false },
      { name: 'isl', data: rows.map((i) => 100 + (i % 7)), type: 'INT32' },
      { name: 'osl', data: rows.map((i) => (i % 13 === 7 ? null : 1 + (i % 3))), type: 'INT32', nullable: true },
      { name: 'tenant', data: rows.map((i) => 'abc'[i % 3]), type: 'STRING' },
    ]
    for (const codec of ['UNCOMPRESSED', 'SNAPPY'] as const) {
      const whole = new Uint8Array(parquetWriteBuffer({ columnData, codec }))
      expect((await read(whole)).workload.count).toBe(37)
      for (let at = 4; at < whole.length - 8; at++) {
        const bytes = whole.slice()
        // a varint of 2^31 - 2: for a run of levels or of values, 2^30 - 1 times the same
        bytes.set([0xfe, 0xff, 0xff, 0xff, 0x07], at)
        const error = await read(bytes).catch((reason: unknown) => reason)
        if (error instanceof Error && !(error instanceof UserError)) throw error
        if (error instanceof UserError)
          expect(error.message).not.toMatch(/Cannot |properties of|is not a|DataView|typed array|argument/)
      }
    }
  })
})

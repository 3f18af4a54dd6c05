/** Parquet files of ours, read back by a reader that is not. */
import fc from 'fast-check'
import { parquetMetadata, parquetReadObjects } from 'hyparquet'
import { describe, expect, it } from 'vitest'
import { type ParquetColumn, parquetFile } from '../src/reports/parquetFile.js'

const buffer = (bytes: Uint8Array): ArrayBuffer => bytes.slice().buffer as ArrayBuffer

const expected = (columns: readonly ParquetColumn[], row: number): Record<string, unknown> =>
  Object.fromEntries(
    columns.map((column) => {
      if (column.type === 'text') return [column.name, column.words[column.codes[row]]]
      const value = column.values[row]
      if (Number.isNaN(value)) return [column.name, null]
      return [column.name, column.type === 'int32' ? value : BigInt(value)]
    }),
  )

async function expectReadBack(columns: readonly ParquetColumn[], rows: number): Promise<void> {
  const file = buffer(parquetFile(columns, rows, 'a test'))
  const read = await parquetReadObjects({ file })
  expect(read).toEqual(Array.from({ length: rows }, (_, row) => expected(columns, row)))
}

const whole = {
  int32: fc.integer(),
  int64: fc.oneof(
    fc.maxSafeInteger(),
    fc.integer({ min: -2, max: 2 }),
    fc.constantFrom(2 ** 32, 2 ** 32 - 1, -(2 ** 32), 2 ** 53),
  ),
}

const column = (rows: number): fc.Arbitrary<ParquetColumn> =>
  fc.oneof(
    fc
      .tuple(fc.constantFrom('int32' as const, 'int64' as const), fc.boolean(), fc.integer({ min: 1, max: 400 }))
      .chain(([type, nullable, different]) =>
        fc
          .array(nullable ? fc.oneof(whole[type], fc.constant(Number.NaN)) : whole[type], {
            minLength: different,
            maxLength: different,
          })
          .chain((few) =>
            fc.array(fc.nat(few.length - 1), { minLength: rows, maxLength: rows }).map((at) => ({
              name: '',
              type,
              nullable,
              values: Float64Array.from(at, (i) => few[i]),
            })),
          ),
      ),
    fc
      .array(fc.string({ unit: 'grapheme' }), { minLength: 1, maxLength: 20 })
      .chain((words) =>
        fc
          .array(fc.nat(words.length - 1), { minLength: rows, maxLength: rows })
          .map((codes) => ({ name: '', type: 'text' as const, words, codes: Uint8Array.from(codes) })),
      ),
  )

describe('a Parquet file', () => {
  it('reads back as it was, whatever the columns', async () => {
    const table = fc
      .nat(600)
      .chain((rows) => fc.tuple(fc.constant(rows), fc.array(column(rows), { minLength: 1, maxLength: 20 })))
    await fc.assert(
      fc.asyncProperty(table, async ([rows, columns]) => {
        await expectReadBack(
          columns.map((one, i) => ({ ...one, name: `c${i}` })),
          rows,
        )
      }),
      { numRuns: 150 },
    )
  })
  it('has row groups of 131,072 rows', async () => {
    const rows = 2 * 131_072 + 1
    const values = Float64Array.from({ length: rows }, (_, i) => i * 2 ** 31)
    const isOdd = Uint8Array.from({ length: rows }, (_, i) => i & 1)
    const columns: ParquetColumn[] = [
      { name: 'time', type: 'int64', values },
      { name: 'parity', type: 'text', words: ['even', 'odd'], codes: isOdd },
    ]
    const file = buffer(parquetFile(columns, rows, 'a test'))
    const groups = parquetMetadata(file).row_groups
    expect(groups.map((group) => Number(group.num_rows))).toEqual([131_072, 131_072, 1])
    const read = await parquetReadObjects({ file, rowStart: 131_070, rowEnd: 131_074 })
    expect(read).toEqual([131_070, 131_071, 131_072, 131_073].map((row) => expected(columns, row)))
  })
  it('stores few different values as a dictionary, many as they are', () => {
    const encodings = (different: number): string[] => {
      const values = Float64Array.from({ length: 1000 }, (_, i) => i % different)
      const file = buffer(parquetFile([{ name: 'x', type: 'int64', values }], 1000, 'a test'))
      return parquetMetadata(file).row_groups[0].columns[0].meta_data?.encodings ?? []
    }
    expect(encodings(256)).toContain('RLE_DICTIONARY')
    expect(encodings(257)).not.toContain('RLE_DICTIONARY')
  })
})

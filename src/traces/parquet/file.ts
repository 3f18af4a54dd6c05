/** Parquet files by row groups, each codec but LZ4 and LZO; damage becomes a sentence. */
import { statSync } from 'node:fs'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import type { AsyncBuffer, Compressors, FileMetaData, RowGroup } from 'hyparquet'
import { UserError } from '../../errors.js'
import { type PageSource, pageFault } from './pages.js'

/** A row: values of the columns asked for, in their order. Times of a timestamp type are whole ns since 1970 as bigint. */
export type ParquetValues = readonly unknown[]

export interface ParquetSource {
  readonly metadata: FileMetaData
  /** Names of the top-level columns. */
  readonly columns: readonly string[]
  readonly rows: number
  /** Whether the bytes of the footer hold this text, whatever they mean. */
  footerHolds(text: string): Promise<boolean>
  /** Calls `consume` with the rows of one group after the other until it returns false. */
  readGroups(columns: readonly string[], consume: (rows: readonly ParquetValues[]) => boolean): Promise<void>
}

export async function openParquet(path: string): Promise<ParquetSource> {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetRead, parquetSchema } = await import('hyparquet')
  if (statSync(path).size < 12) throw damaged(path, 'it is too short')
  const file: AsyncBuffer = await asyncBufferFromFile(path)
  const metadata = await orDamaged(path, () => parquetMetadataAsync(file))
  // a damaged footer may hold values of any type
  const { columns, compressors } = await orDamaged(path, async () => {
    refuseImpossibleCounts(path, metadata)
    const names = parquetSchema(metadata).children.map(({ element }) => element.name)
    if (!names.every((name) => typeof name === 'string')) throw damaged(path, 'a column has no name')
    return { columns: names, compressors: await decompressors(metadata) }
  })
  return {
    metadata,
    columns,
    rows: Number(metadata.num_rows),
    async footerHolds(text) {
      const bytes = Buffer.from(await file.slice(Math.max(0, file.byteLength - 8 - metadata.metadata_length), file.byteLength))
      return bytes.includes(text)
    },
    async readGroups(wanted, consume) {
      let rowStart = 0
      for (const group of metadata.row_groups) {
        const rowEnd = rowStart + Number(group.num_rows)
        let rows: readonly ParquetValues[] = []
        const onComplete = (read: unknown[][]): void => {
          rows = read
        }
        await orDamaged(path, () => refuseBadPages(path, { file, schema: metadata.schema, compressors }, group, wanted))
        const options = { file, metadata, columns: [...wanted], rowStart, rowEnd, compressors, parsers: NANOSECONDS, onComplete }
        await orDamaged(path, () => parquetRead(options))
        if (rows.length !== rowEnd - rowStart)
          throw damaged(path, `${rowEnd - rowStart} rows are named, ${rows.length} are there`)
        if (!consume(rows)) return
        rowStart = rowEnd
      }
    },
  }
}

/** A damaged count must not be allocated: each column of a group has at least as many values as the group has rows, and all rows are in groups. */
function refuseImpossibleCounts(path: string, { num_rows, row_groups: groups }: FileMetaData): void {
  for (const { num_rows: rows, columns } of groups)
    if (rows < 0n || columns.length === 0 || columns.some(({ meta_data }) => (meta_data?.num_values ?? -1n) < rows))
      throw damaged(path, 'a row group has fewer values than rows')
  if (groups.reduce((sum, group) => sum + group.num_rows, 0n) !== num_rows)
    throw damaged(path, 'its row groups have another number of rows')
}

async function refuseBadPages(path: string, source: PageSource, { columns }: RowGroup, wanted: readonly string[]): Promise<void> {
  for (const { meta_data: chunk } of columns) {
    if (chunk === undefined) throw damaged(path, 'a column has no description')
    const fault = wanted.includes(chunk.path_in_schema[0]) ? await pageFault(source, chunk) : null
    if (fault !== null) throw damaged(path, fault)
  }
}

/** Dates keep only milliseconds; these keep what is in the file. */
const NANOSECONDS = {
  timestampFromMilliseconds: (millis: bigint) => millis * 1_000_000n,
  timestampFromMicroseconds: (micros: bigint) => micros * 1_000n,
  timestampFromNanoseconds: (nanos: bigint) => nanos,
}

async function decompressors({ row_groups: groups }: FileMetaData): Promise<Compressors> {
  const codecs = new Set(groups.flatMap(({ columns }) => columns.map(({ meta_data }) => meta_data?.codec)))
  const known: Compressors = { GZIP: (input) => gunzipSync(input), BROTLI: (input) => brotliDecompressSync(input) }
  if (!codecs.has('ZSTD')) return known
  const { ZSTDDecoder } = await import('zstddec')
  const decoder = new ZSTDDecoder()
  await decoder.init()
  return { ...known, ZSTD: (input, outputLength) => decoder.decode(input, outputLength) }
}

async function orDamaged<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException
    // what the system says is no fault of the file's content
    if (typeof code === 'string' && syscall !== undefined) throw error
    throw error instanceof UserError ? error : damaged(path, saidOf(error))
  }
}

/** What the library says of the file; of its own faults over values that damage has left, and of ours, JavaScript tells in its own words. */
function saidOf(error: unknown): string {
  if (error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError)
    return 'its parts contradict each other'
  return error instanceof Error ? error.message : String(error)
}

export function damaged(path: string, what: string): UserError {
  return new UserError({
    where: path,
    message: `the Parquet file is damaged, or in a form that is not read: ${what}`,
    hint: 'copy it again, or export it anew with snappy, gzip or zstd compression',
  })
}

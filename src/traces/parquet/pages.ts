/**
 * The pages of a Parquet file, walked by their headers before any is decoded: the decoder trusts their sizes and counts, and a damaged one can
 * send it round in a circle or take all memory.
 */
import type { AsyncBuffer, ColumnMetaData, Compressors, PageHeader, SchemaElement, SchemaTree } from 'hyparquet'
import { runFault } from './runs.js'

/** No writer makes larger pages; 1 MiB is usual. */
const MOST_PAGE_BYTES = 2 ** 30

export interface PageSource {
  readonly file: AsyncBuffer
  readonly schema: SchemaElement[]
  readonly compressors: Compressors
}

/** What is wrong with the pages of a column of a row group, or null. */
export async function pageFault({ file, schema, compressors }: PageSource, chunk: ColumnMetaData): Promise<string | null> {
  const { parquetHeader } = await import('hyparquet/src/column.js')
  const { getSchemaPath } = await import('hyparquet/src/schema.js')
  const start = Number(chunk.dictionary_page_offset || chunk.data_page_offset)
  const length = Number(chunk.total_compressed_size)
  const name = chunk.path_in_schema.join('.')
  if (!(start >= 4 && length > 0 && start + length <= file.byteLength)) return `column ${name} is not inside the file`
  const bytes = await file.slice(start, start + length)
  const reader = { view: new DataView(bytes), offset: 0 }
  const path = getSchemaPath(schema, chunk.path_in_schema)
  let values = 0
  while (reader.offset < length - 1 && values < Number(chunk.num_values)) {
    const header = parquetHeader(reader)
    const { compressed_page_size: packed, uncompressed_page_size: unpacked } = header
    const counted = header.data_page_header ?? header.data_page_header_v2 ?? header.dictionary_page_header
    if (!(packed >= 0 && reader.offset + packed <= length && unpacked >= 0 && unpacked <= MOST_PAGE_BYTES))
      return `a page of column ${name} has an impossible size`
    // a page of a dictionary or of levels takes bits, yet a run of equal values takes few: only nonsense is refused
    if (counted === undefined || !(counted.num_values >= 0 && counted.num_values <= MOST_PAGE_BYTES))
      return `a page of column ${name} has an impossible number of values`
    if (header.dictionary_page_header === undefined) {
      values += counted.num_values
      const fault = await pageRunFault(header, path, new Uint8Array(bytes, reader.offset, packed), chunk, compressors)
      if (fault !== null) return `a page of column ${name} has ${fault}`
    }
    reader.offset += packed
  }
  return values === Number(chunk.num_values) ? null : `column ${name} has ${values} values instead of ${chunk.num_values}`
}

async function pageRunFault(
  header: PageHeader,
  path: SchemaTree[],
  bytes: Uint8Array,
  { codec }: ColumnMetaData,
  compressors: Compressors,
): Promise<string | null> {
  const { decompressPage } = await import('hyparquet/src/datapage.js')
  const { uncompressed_page_size: unpacked, data_page_header_v2: v2 } = header
  if (v2 === undefined) return runFault(header, path, decompressPage(bytes, unpacked, codec, compressors), new Uint8Array(0))
  const levelBytes = v2.repetition_levels_byte_length + v2.definition_levels_byte_length
  const packed = bytes.subarray(levelBytes)
  const page = v2.is_compressed === false ? packed : decompressPage(packed, unpacked - levelBytes, codec, compressors)
  return runFault(header, path, page, bytes)
}

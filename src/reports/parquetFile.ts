/**
 * A table as a Parquet file (github.com/apache/parquet-format): flat, uncompressed, one page to a column chunk. Times in ns are noise to a compressor, and
 * columns of few different values become dictionaries of a few bits a row, so a compressor in JavaScript would cost much and save a quarter.
 */
import { CompactWriter } from './thriftCompact.js'

export type ParquetColumn =
  /** Whole numbers; NaN is null where the column is nullable, and there alone. */
  | {
      readonly name: string
      readonly type: 'int32' | 'int64'
      readonly values: Float64Array
      readonly nullable?: boolean
    }
  /** Row i is words[codes[i]]; at most 256 words. */
  | { readonly name: string; readonly type: 'text'; readonly codes: Uint8Array; readonly words: readonly string[] }

const MAGIC = Uint8Array.of(0x50, 0x41, 0x52, 0x31)
const FORMAT_VERSION = 1
const PHYSICAL_TYPE = { int32: 1, int64: 2, text: 6 } as const
const REQUIRED = 0
const OPTIONAL = 1
const UTF8 = 0
const UNCOMPRESSED = 0
const DATA_PAGE = 0
const DICTIONARY_PAGE = 2
const PLAIN = 0
const RLE = 3
const RLE_DICTIONARY = 8

/** A page of int64 is then 1 MB. */
const ROWS_PER_GROUP = 131_072
/** A column of more different values than this is stored as it is. */
const MOST_WORDS = 256

interface Chunk {
  readonly column: ParquetColumn
  readonly rows: number
  readonly offset: number
  readonly size: number
  /** Size of the dictionary page, which comes first; 0 = there is none. */
  readonly dictionarySize: number
}

/** `rows` first rows of the columns, in row groups. */
export function parquetFile(columns: readonly ParquetColumn[], rows: number, createdBy: string): Uint8Array {
  const parts: Uint8Array[] = [MAGIC]
  let offset = MAGIC.length
  const append = (pieces: readonly Uint8Array[]): number => {
    let size = 0
    for (const piece of pieces) {
      parts.push(piece)
      size += piece.length
    }
    offset += size
    return size
  }
  const groups: Chunk[][] = []
  for (let from = 0; from < rows; from += ROWS_PER_GROUP) {
    const to = Math.min(rows, from + ROWS_PER_GROUP)
    groups.push(
      columns.map((column) => {
        const start = offset
        const { dictionary, data } = pagesOf(column, from, to)
        const dictionarySize = append(dictionary)
        return { column, rows: to - from, offset: start, dictionarySize, size: dictionarySize + append(data) }
      }),
    )
  }
  const footer = CompactWriter.bytesOf((file) => writeFooter(file, columns, rows, groups, createdBy))
  append([footer, littleEndian(footer.length), MAGIC])
  const bytes = new Uint8Array(offset)
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

function writeFooter(
  file: CompactWriter,
  columns: readonly ParquetColumn[],
  rows: number,
  groups: readonly (readonly Chunk[])[],
  createdBy: string,
): void {
  file.i32(1, FORMAT_VERSION)
  file.structList(2, [
    (root) => {
      root.text(4, 'schema')
      root.i32(5, columns.length)
    },
    ...columns.map((column) => (element: CompactWriter) => {
      element.i32(1, PHYSICAL_TYPE[column.type])
      element.i32(3, isNullable(column) ? OPTIONAL : REQUIRED)
      element.text(4, column.name)
      if (column.type === 'text') element.i32(6, UTF8)
    }),
  ])
  file.i64(3, rows)
  file.structList(
    4,
    groups.map((chunks) => (group: CompactWriter) => {
      group.structList(
        1,
        chunks.map((chunk) => (entry: CompactWriter) => {
          entry.i64(2, chunk.offset)
          entry.struct(3, (data) => writeChunk(data, chunk))
        }),
      )
      group.i64(
        2,
        chunks.reduce((sum, chunk) => sum + chunk.size, 0),
      )
      group.i64(3, chunks[0].rows)
    }),
  )
  file.text(6, createdBy)
}

function writeChunk(data: CompactWriter, { column, rows, offset, size, dictionarySize }: Chunk): void {
  data.i32(1, PHYSICAL_TYPE[column.type])
  data.i32List(2, dictionarySize > 0 ? [PLAIN, RLE, RLE_DICTIONARY] : [PLAIN, RLE])
  data.textList(3, [column.name])
  data.i32(4, UNCOMPRESSED)
  data.i64(5, rows)
  data.i64(6, size)
  data.i64(7, size)
  data.i64(9, offset + dictionarySize)
  if (dictionarySize > 0) data.i64(11, offset)
}

const isNullable = (column: ParquetColumn): boolean => column.type !== 'text' && column.nullable === true

interface Pages {
  readonly dictionary: readonly Uint8Array[]
  readonly data: readonly Uint8Array[]
}

/** The pages of rows from .. to - 1 of a column. */
function pagesOf(column: ParquetColumn, from: number, to: number): Pages {
  const rows = to - from
  if (column.type === 'text')
    return dictionaryPages(plainTexts(column.words), column.words.length, column.codes.subarray(from, to), [], rows)
  const all = column.values.subarray(from, to)
  const present = column.nullable ? all.filter((value) => !Number.isNaN(value)) : all
  const levels = column.nullable ? levelsOf(all) : []
  const width = column.type === 'int32' ? 4 : 8
  const { words, codes } = coded(present)
  if (words === null) return { dictionary: [], data: dataPage([...levels, plainNumbers(present, width)], rows, PLAIN) }
  return dictionaryPages(plainNumbers(words, width), words.length, codes, levels, rows)
}

/** Who is not null: 1 or 0 for each row, with the length before. */
function levelsOf(values: Float64Array): Uint8Array[] {
  const isThere = new Uint8Array(values.length)
  for (let i = 0; i < values.length; i++) isThere[i] = Number.isNaN(values[i]) ? 0 : 1
  const levels = hybrid(isThere, 1)
  return [littleEndian(levels.length), levels]
}

/** The different values in the order in which they come, and which of them each one is; `words` is null when there are many, or none. */
function coded(values: Float64Array): { words: Float64Array | null; codes: Uint8Array } {
  const codes = new Uint8Array(values.length)
  const known = new Map<number, number>()
  for (let i = 0; i < values.length; i++) {
    let code = known.get(values[i])
    if (code === undefined) {
      if (known.size === MOST_WORDS) return { words: null, codes }
      code = known.size
      known.set(values[i], code)
    }
    codes[i] = code
  }
  return { words: known.size > 0 ? Float64Array.from(known.keys()) : null, codes }
}

function dictionaryPages(
  plainWords: Uint8Array,
  words: number,
  codes: Uint8Array,
  levels: readonly Uint8Array[],
  rows: number,
): Pages {
  const width = Math.max(1, 32 - Math.clz32(words - 1))
  const header = CompactWriter.bytesOf((page) => {
    page.i32(1, DICTIONARY_PAGE)
    page.i32(2, plainWords.length)
    page.i32(3, plainWords.length)
    page.struct(7, (dictionary) => {
      dictionary.i32(1, words)
      dictionary.i32(2, PLAIN)
    })
  })
  return {
    dictionary: [header, plainWords],
    data: dataPage([...levels, Uint8Array.of(width), hybrid(codes, width)], rows, RLE_DICTIONARY),
  }
}

function dataPage(content: readonly Uint8Array[], rows: number, encoding: number): Uint8Array[] {
  const size = content.reduce((sum, piece) => sum + piece.length, 0)
  const header = CompactWriter.bytesOf((page) => {
    page.i32(1, DATA_PAGE)
    page.i32(2, size)
    page.i32(3, size)
    page.struct(5, (data) => {
      data.i32(1, rows)
      data.i32(2, encoding)
      data.i32(3, RLE)
      data.i32(4, RLE)
    })
  })
  return [header, ...content]
}

/** Codes below 2^width <= 256: one run when all are equal, else all packed, width bits each. */
function hybrid(codes: Uint8Array, width: number): Uint8Array {
  if (codes.every((code) => code === codes[0])) return Uint8Array.of(...varint(2 * codes.length), codes[0] ?? 0)
  const groups = Math.ceil(codes.length / 8)
  const header = varint(2 * groups + 1)
  const bytes = new Uint8Array(header.length + groups * width)
  bytes.set(header)
  let bit = 8 * header.length
  for (let i = 0; i < codes.length; i++, bit += width) {
    const shifted = codes[i] << (bit & 7)
    bytes[bit >> 3] |= shifted
    if (shifted > 255) bytes[(bit >> 3) + 1] |= shifted >> 8
  }
  return bytes
}

function varint(value: number): number[] {
  const bytes: number[] = []
  let left = value
  for (; left >= 128; left >>>= 7) bytes.push((left & 127) | 128)
  bytes.push(left)
  return bytes
}

/** Whole numbers in `width` = 4 or 8 bytes, two's complement, least byte first: the order of every host that Node supports here. */
function plainNumbers(values: Float64Array, width: number): Uint8Array {
  if (width === 4) return new Uint8Array(Int32Array.from(values).buffer)
  const words = new Uint32Array(2 * values.length)
  for (let i = 0; i < values.length; i++) {
    const high = Math.floor(values[i] / 2 ** 32)
    words[2 * i] = values[i] - high * 2 ** 32
    words[2 * i + 1] = high
  }
  return new Uint8Array(words.buffer)
}

function plainTexts(words: readonly string[]): Uint8Array {
  const utf8 = words.map((word) => new TextEncoder().encode(word))
  return Uint8Array.from(utf8.flatMap((bytes) => [...littleEndian(bytes.length), ...bytes]))
}

const littleEndian = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer)

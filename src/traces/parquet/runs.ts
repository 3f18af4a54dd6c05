/**
 * The lengths of runs inside a data page, looked at before the page is decoded: the decoder writes as many values as a run claims to have, and a
 * damaged length takes all memory and ends the process. Encodings: https://parquet.apache.org/docs/file-format/data-pages/encodings/.
 */
import type { PageHeader, SchemaTree } from 'hyparquet'

/** Runs may reach beyond the last value of their page by padding. */
const MOST_PADDING = 1 << 16
/** Usual are 128 to 2048 values a block of deltas. */
const MOST_DELTA_BLOCK = 1 << 16

interface Cursor {
  readonly view: DataView
  offset: number
}

/** What is wrong with the runs of a data page, or null. `page`: its bytes, of a page of version 2 those after its levels; `levels`: where those begin. */
export async function runFault(
  header: PageHeader,
  path: SchemaTree[],
  page: Uint8Array,
  levels: Uint8Array,
): Promise<string | null> {
  const { getMaxDefinitionLevel, getMaxRepetitionLevel } = await import('hyparquet/src/schema.js')
  const { data_page_header: v1, data_page_header_v2: v2 } = header
  const { num_values: count, encoding } = v1 ?? v2 ?? { num_values: 0, encoding: 'PLAIN' }
  const widths = [getMaxRepetitionLevel(path), getMaxDefinitionLevel(path)].map((most) => 32 - Math.clz32(most))
  const cursor = cursorOf(page)
  try {
    const levelBytes = [v2?.repetition_levels_byte_length ?? 0, v2?.definition_levels_byte_length ?? 0]
    for (const [i, width] of widths.entries()) {
      if (width === 0) continue
      const at = v2 === undefined ? cursor : cursorOf(levels, i === 0 ? 0 : levelBytes[0])
      const length = v2 === undefined ? lengthAt(at) : levelBytes[i]
      const end = at.offset + length
      if (!areSound(at, width, count)) return 'a run of levels with an impossible length'
      at.offset = end
    }
    const isBoolean = path[path.length - 1].element.type === 'BOOLEAN'
    if (encoding === 'RLE_DICTIONARY' || encoding === 'PLAIN_DICTIONARY' || encoding === 'RLE') {
      if (isBoolean) lengthAt(cursor)
      const width = isBoolean ? 1 : cursor.view.getUint8(cursor.offset++)
      // a page of version 1 with values of no bits has no runs
      const hasRuns = width > 0 || v2 !== undefined
      if (hasRuns && !areSound(cursor, width, count)) return 'a run of values with an impossible length'
    }
    if (encoding?.startsWith('DELTA_')) {
      const block = varInt(cursor)
      const parts = varInt(cursor)
      if (!(block > 0 && block <= MOST_DELTA_BLOCK && parts > 0 && parts <= block))
        return 'a block of deltas of an impossible size'
    }
    return null
  } catch (error) {
    // beyond the end of the page: the decoder stops there too, and says so
    if (error instanceof RangeError) return null
    throw error
  }
}

const cursorOf = (bytes: Uint8Array, offset = 0): Cursor => ({
  view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  offset,
})

function lengthAt(cursor: Cursor): number {
  cursor.offset += 4
  return cursor.view.getUint32(cursor.offset - 4, true)
}

/** As the decoder reads it: of a number of more than 32 bits the lowest ones, with their sign. */
function varInt(cursor: Cursor): number {
  let value = 0
  for (let shift = 0; ; shift += 7) {
    const byte = cursor.view.getUint8(cursor.offset++)
    value |= (byte & 127) << shift
    if (byte < 128) return value
  }
}

/** Whether the runs of `count` values of `width` bits, repeated or packed in eights, have possible lengths. */
function areSound(cursor: Cursor, width: number, count: number): boolean {
  for (let seen = 0; seen < count; ) {
    const head = varInt(cursor)
    const isPacked = (head & 1) === 1
    const length = isPacked ? (head >> 1) << 3 : head >>> 1
    if (length < 0 || length > count - seen + MOST_PADDING) return false
    cursor.offset += isPacked ? (length >> 3) * width : (width + 7) >> 3
    seen += length
  }
  return true
}

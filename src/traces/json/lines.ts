/** Files of one JSON object a line: the part that their readers share. */
import { createLineSplitter } from '../byteStream.js'
import { listed } from '../csvHeader.js'
import type { Findings, ReaderContext, TraceReader } from '../formats/format.js'
import { type JsonRow, parseObject } from './fields.js'
import { RowFault } from './rowFault.js'

const NEWLINE = 10
/** Keys that are data, such as one a request, must not fill the memory. */
const MOST_UNUSED = 1000

export interface RowReader {
  /** Adds the request of a row. Throws a `RowFault` when the row cannot be used: it is then skipped, reported and counted. */
  addRow(row: JsonRow, line: number): void
  findings(): Findings
  /** Called once after the last row. */
  end?(): void
}

export function jsonLinesReader({ path, skips }: ReaderContext, reader: RowReader): TraceReader {
  let line = 0
  let rows = 0
  const consume = (bytes: Buffer, start: number, end: number): void => {
    while (start < end) {
      const next = bytes.indexOf(NEWLINE, start) + 1
      const text = bytes.toString('utf8', start, next - 1).trim()
      start = next
      line++
      if (text === '') continue
      rows++
      try {
        reader.addRow(parseObject(text), line)
      } catch (error) {
        if (!(error instanceof RowFault)) throw error
        skips.skip(line, error.reason)
      }
    }
  }
  const lines = createLineSplitter(path, consume)
  return {
    push: lines.push,
    end(isCut) {
      lines.end(isCut)
      reader.end?.()
    },
    rowsRead: () => rows,
    findings: reader.findings,
  }
}

/** Collects the keys of rows that a reader does not know, for its findings. */
export function createUnusedKeys(known: readonly string[]) {
  const unused = new Set<string>()
  const expected = new Set(known)
  return {
    /** `also`: a key that is known in this row. */
    look(row: JsonRow, also?: string): void {
      for (const key in row) if (!expected.has(key) && key !== also && unused.size < MOST_UNUSED) unused.add(key)
    },
    notes: (): string[] => (unused.size === 0 ? [] : [`Keys not used: ${listed([...unused])}.`]),
  }
}

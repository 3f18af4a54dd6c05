/** The bytes of a file into the reader of its format: the first ones are held until they tell it. */
import { detectFormat } from './detect.js'
import type { FormatName } from './formats/catalogue.js'
import type { ReaderContext, TraceReader } from './formats/format.js'
import { FORMATS } from './formats/index.js'
import { HEAD_BYTES, headOf } from './head.js'
import { refuseIdleOptions } from './options.js'

export interface Intake {
  push(chunk: Buffer): void
  /** Nothing more is needed: enough rows were read, or the reader reads the file itself. */
  isDone(): boolean
  /** After the last byte: the reader, with all of the file read, and its format. */
  end(): Promise<{ reader: TraceReader; format: FormatName }>
  /** Rows read when the file broke off, also when it did so before its format was decided. */
  rowsSoFar(): number
}

export function createIntake(context: ReaderContext): Intake {
  const { path, options, rows } = context
  let held: Buffer[] = []
  let heldBytes = 0
  let decided: { reader: TraceReader; format: FormatName } | null = null
  const decide = (): { reader: TraceReader; format: FormatName } => {
    if (decided !== null) return decided
    const bytes = withoutMark(Buffer.concat(held))
    const format = detectFormat(headOf(bytes.subarray(0, HEAD_BYTES)), path, options.from)
    refuseIdleOptions(path, format, FORMATS[format].heeds, options)
    decided = { reader: FORMATS[format].createReader(context), format }
    held = []
    if (decided.reader.readFile === undefined) decided.reader.push(bytes)
    return decided
  }
  return {
    push(chunk) {
      if (decided !== null) {
        decided.reader.push(chunk)
        return
      }
      held.push(chunk)
      heldBytes += chunk.length
      if (heldBytes >= HEAD_BYTES) decide()
    },
    isDone: () => rows.count >= (options.limit ?? Number.POSITIVE_INFINITY) || decided?.reader.readFile !== undefined,
    async end() {
      const { reader, format } = decide()
      if (reader.readFile === undefined) reader.end()
      else await reader.readFile()
      return { reader, format }
    },
    rowsSoFar() {
      try {
        return decide().reader.rowsRead()
      } catch {
        return 0
      }
    },
  }
}

/** Without the byte order mark that some programs put before UTF-8 text. */
function withoutMark(bytes: Buffer): Buffer {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes
}

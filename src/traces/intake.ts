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
  /** After the last byte, or when it is done: the reader, with all of the file read that is wanted, and its format. */
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
    const told = detectFormat(headOf(bytes.subarray(0, HEAD_BYTES)), path, options.from)
    // a time by a name that nobody knows: the user does
    const hasTime = options.from === undefined && options.columns?.time !== undefined
    const format = told === 'lengths' && hasTime ? 'csv' : told
    refuseIdleOptions(path, format, FORMATS[format].heeds, options)
    decided = { reader: FORMATS[format].createReader(context), format }
    held = []
    if (decided.reader.readFile === undefined) decided.reader.push(bytes)
    return decided
  }
  const hasEnough = (): boolean => rows.count >= (options.limit ?? Number.POSITIVE_INFINITY)
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
    isDone: () => hasEnough() || decided?.reader.readFile !== undefined,
    async end() {
      const isCut = hasEnough()
      const { reader, format } = decide()
      if (reader.readFile === undefined) reader.end(isCut)
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

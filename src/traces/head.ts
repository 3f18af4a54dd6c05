/** The beginning of a file, taken apart once so that every format can look at it. */
import { separatorOf, splitLine } from './csvScan.js'

/** Bytes of the file that decide about its format. */
export const HEAD_BYTES = 1 << 16

export interface Head {
  readonly bytes: Buffer
  /** The bytes as text, cut anywhere. */
  readonly text: string
  /**
   * Keys of the JSON objects in the head, also of one that it cuts off: `requests` at the top, `event.schema` one level below, `spans[].name` for
   * the objects of a list. Empty for other files.
   */
  readonly keys: ReadonlySet<string>
  /** The text begins with a JSON list. */
  readonly isList: boolean
  /** Fields of the first line, in small letters without blanks and dashes (`Request tokens`: requesttokens); empty for JSON. */
  readonly columns: readonly string[]
}

export function headOf(bytes: Buffer): Head {
  const text = bytes.toString('utf8')
  const start = text.search(/\S/)
  const isJson = start >= 0 && (text[start] === '{' || text[start] === '[')
  return {
    bytes,
    text,
    keys: isJson ? keysOf(text) : new Set(),
    isList: isJson && text[start] === '[',
    columns: isJson ? [] : columnsOf(text),
  }
}

function columnsOf(text: string): string[] {
  const line = text.split(/\r|\n/).find((candidate) => candidate.trim() !== '' && !candidate.startsWith('#')) ?? ''
  return splitLine(line, separatorOf(line)).map(bareName)
}

/** A column's name as `Head.columns` has it. */
export const bareName = (field: string): string => field.toLowerCase().replace(/[^a-z0-9]/g, '')

const DEEPEST = 3
/** Strings (whether they are keys is told by the colon) and the marks that open and close. */
const TOKENS = /"((?:[^"\\]|\\.)*)"(\s*:)?|[{}[\]]/g

function keysOf(text: string): Set<string> {
  const keys = new Set<string>()
  /** Name of each open object or list, `[]` for the objects of a list. */
  const open: string[] = []
  let key = ''
  const outer = text.search(/\S/) === text.indexOf('[') ? 1 : 0
  for (const [mark, text_, colon] of text.matchAll(TOKENS)) {
    if (mark === '{' || mark === '[') {
      open.push(key + (mark === '[' ? '[]' : ''))
      key = ''
    } else if (mark === '}' || mark === ']') {
      open.pop()
    } else if (colon !== undefined) {
      key = text_
      const inside = open.slice(outer + 1).filter((name) => name !== '')
      if (inside.length < DEEPEST) keys.add([...inside, key].join('.'))
    }
  }
  return keys
}

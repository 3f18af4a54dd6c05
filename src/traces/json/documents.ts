/**
 * JSON documents with one long list: a document may be of any size and spread over lines, or there may be one a line. Its list is handed out
 * element by element, so that memory holds one element and not the document.
 */
import { UserError } from '../../errors.js'

export interface DocumentHandlers {
  /** The list begins: the document so far, as whole JSON with an empty list. */
  begin(head: string, line: number): void
  /** One object of the list; empty for anything else in it. */
  element(text: string, line: number): void
  /** The document is complete: all its keys, with an empty list. */
  end(whole: string, line: number): void
  /** Text that is no document, or a document broken off by the end of the file or by the beginning of the next one. */
  broken(line: number): void
}

export interface DocumentSplitter {
  push(bytes: Buffer): void
  /** `isCut`: the file goes on, so its last document is not broken off. */
  end(isCut: boolean): void
}

const QUOTE = 34
const BACKSLASH = 92
const NEWLINE = 10
const COMMA = 44
const OPEN = 123
const CLOSE = 125
const OPEN_LIST = 91
const CLOSE_LIST = 93
const FIRST_BYTES = 1 << 12
const MOST_BYTES = 1 << 28

/** Depth in braces and brackets: of the keys of a document, of its list, of an object in that list. */
const KEYS = 1
const LIST = 2
const ELEMENT = 3

/** `listKey` names the list at the top of a document. A `{` in the first column of a line always begins a new document. */
export function createDocumentSplitter(path: string, listKey: string, handlers: DocumentHandlers): DocumentSplitter {
  const document = createBytes(path)
  const element = createBytes(path)
  let depth = 0
  let inList = false
  let inText = false
  let escaped = false
  /** Something other than an object was met and told, up to the next comma or document. */
  let stray = false
  let textStart = 0
  let lastText = ''
  let line = 1
  let column = 0
  let beganAt = 1

  const begin = (): void => {
    depth = KEYS
    inList = false
    inText = false
    stray = false
    beganAt = line
    document.clear()
    document.add(OPEN)
  }
  const textByte = (byte: number): void => {
    if (escaped) escaped = false
    else if (byte === BACKSLASH) escaped = true
    else if (byte === QUOTE) {
      inText = false
      if (depth === KEYS) lastText = document.text(textStart, document.length() - 1)
    }
  }
  const open = (byte: number): void => {
    depth++
    if (!inList && depth === LIST && byte === OPEN_LIST && lastText === listKey) {
      inList = true
      handlers.begin(`${document.text()}[]}`, line)
      document.add(byte)
      return
    }
    if (inList && depth === ELEMENT) element.clear()
    ;(inList ? element : document).add(byte)
  }
  const close = (byte: number): void => {
    if (inList && depth === LIST) {
      inList = false
      document.add(byte)
    } else (inList ? element : document).add(byte)
    depth--
    if (inList && depth === LIST) handlers.element(element.text(), line)
    if (depth === 0) handlers.end(document.text(), line)
  }
  const outside = (byte: number): void => {
    if (byte === OPEN) begin()
    else if (isBlank(byte) || byte === COMMA || byte === OPEN_LIST || byte === CLOSE_LIST) stray = stray && byte !== NEWLINE
    else if (!stray) {
      stray = true
      handlers.broken(line)
    }
  }
  const betweenElements = (byte: number): void => {
    if (byte === COMMA) stray = false
    else if (!isBlank(byte) && !stray) {
      stray = true
      handlers.element('', line)
    }
  }

  return {
    push(bytes) {
      for (const byte of bytes) {
        column++
        if (byte === NEWLINE) {
          line++
          column = 0
        } else if (byte === OPEN && column === 1 && depth > 0) {
          handlers.broken(beganAt)
          begin()
          continue
        }
        if (depth === 0) outside(byte)
        else if (inText) {
          if (!inList) document.add(byte)
          else if (depth >= ELEMENT) element.add(byte)
          textByte(byte)
        } else if (byte === OPEN || byte === OPEN_LIST) open(byte)
        else if (byte === CLOSE || byte === CLOSE_LIST) close(byte)
        else if (inList && depth === LIST) {
          betweenElements(byte)
          inText = byte === QUOTE
        } else {
          ;(inList ? element : document).add(byte)
          if (byte !== QUOTE) continue
          inText = true
          textStart = document.length()
        }
      }
    },
    end(isCut) {
      if (depth > 0 && !isCut) handlers.broken(beganAt)
    },
  }
}

const isBlank = (byte: number): boolean => byte === 32 || byte === NEWLINE || byte === 13 || byte === 9

/** A text that grows byte by byte. */
function createBytes(path: string) {
  let bytes = Buffer.allocUnsafe(FIRST_BYTES)
  let used = 0
  return {
    add(byte: number): void {
      if (used === bytes.length) {
        if (used >= MOST_BYTES) {
          throw new UserError({
            where: path,
            message: 'one request of the file is longer than 256 MiB: this is no trace',
            hint: 'check the file; a request of a million tokens has below 2 MiB',
          })
        }
        bytes = Buffer.concat([bytes], used * 2)
      }
      bytes[used++] = byte
    },
    clear: (): void => {
      used = 0
    },
    length: (): number => used,
    text: (start = 0, end = used): string => bytes.toString('utf8', start, end),
  }
}

/** Files that are one JSON value, or one a line, and are read whole because a part says nothing without the others. */
import { UserError } from '../../errors.js'
import { isObject, type JsonRow, parseObject } from './fields.js'
import { RowFault } from './rowFault.js'

const MOST_BYTES = 1 << 29

export interface WholeJson {
  push(bytes: Buffer): void
  /** The objects of the file: of its lines, of its list, or the one that it is. Throws `UserError` when it is no JSON. */
  objects(): JsonRow[]
}

export function createWholeJson(path: string): WholeJson {
  const chunks: Buffer[] = []
  let size = 0
  return {
    push(bytes) {
      size += bytes.length
      if (size > MOST_BYTES) {
        throw new UserError({
          where: path,
          message: 'the file is larger than 512 MiB, and this format is read whole',
          hint: 'leave texts out when you record it, or split it',
        })
      }
      chunks.push(bytes)
    },
    objects() {
      const text = Buffer.concat(chunks)
        .toString('utf8')
        .replace(/^\uFEFF/, '')
        .trimEnd()
      const list = tryParse(`{"all":${text}}`)?.all
      if (list !== undefined) return (Array.isArray(list) ? list : [list]).filter(isObject)
      const lines = text.split(/\r\n|\r|\n/)
      const rows = lines.map((line) => (line.trim() === '' ? undefined : tryParse(line)))
      const at = rows.indexOf(null) + 1
      if (at === 0) return rows.filter(isObject)
      throw new UserError({
        where: `${path}:${at}`,
        message: 'the file is neither one JSON value nor JSON lines: it breaks off or is damaged here',
        hint: 'copy or record it again',
      })
    },
  }
}

function tryParse(text: string): JsonRow | null {
  try {
    return parseObject(text)
  } catch (error) {
    if (error instanceof RowFault) return null
    throw error
  }
}

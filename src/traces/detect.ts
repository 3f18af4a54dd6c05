/** Which format a file has, from its beginning; and sentences for files that are no trace. */
import { UserError } from '../errors.js'
import { FOREIGN } from './foreign.js'
import type { FormatName } from './formats/catalogue.js'
import { recognise } from './formats/index.js'
import type { Head } from './head.js'

const MOST_LISTED = 12
const LIST_FORMATS = '`shapewise trace formats` lists what is read; name one with --from if it is one of them'

/** The format of a file: the one the user names, else the first that recognises its content, else a CSV. Throws `UserError` for what is no trace. */
export function detectFormat(head: Head, path: string, from?: FormatName): FormatName {
  const refuse = (message: string, hint: string): never => {
    throw new UserError({ where: path, message, hint })
  }
  if (head.bytes.length === 0) refuse('the file is empty', 'give a trace with at least one request')
  const found = recognise(head)
  if (from !== undefined && (from === 'shapewise') !== (found === 'shapewise')) {
    const message = found === 'shapewise' ? `the file is a Shapewise trace, not ${from}` : 'the file is no Shapewise trace'
    refuse(message, 'leave the format out: it is told by the content')
  }
  if (found !== null) return from ?? found
  const foreign = FOREIGN.find(({ is }) => is(head))
  if (foreign !== undefined) refuse(foreign.message, foreign.hint)
  if (from === undefined && head.keys.size > 0) {
    const keys = [...head.keys].filter((key) => !key.includes('.')).slice(0, MOST_LISTED)
    refuse(`the file is JSON of no known trace format; its keys are ${keys.join(', ')}`, LIST_FORMATS)
  }
  return from ?? 'csv'
}

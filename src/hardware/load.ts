/** Systems by name (shipped) or by the path of a user's own file. A file is read once, and again by whoever asks for it anew. */
import { readDataFile } from '../dataFile.js'
import { systemSchema } from './schema.js'
import type { SystemSpec } from './system.js'

export const SYSTEM_NAMES = ['gb200', 'gb300', 'b200', 'b300'] as const

/** A shipped name, or a path (it holds a slash or ends in .json). `anew`: a file of the user's own is read again. Throws UserError for a file that is missing or malformed. */
export function loadSystem(nameOrPath: string, anew = false): SystemSpec {
  return readDataFile({
    kind: 'system',
    nameOrPath,
    names: SYSTEM_NAMES,
    folder: new URL('../../data/systems/', import.meta.url),
    schema: systemSchema,
    anew,
  })
}

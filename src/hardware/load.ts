/** Systems by name (shipped) or by the path of a user's own file. Read once per path. */
import { readDataFile } from '../dataFile.js'
import { systemSchema } from './schema.js'
import type { SystemSpec } from './system.js'

export const SYSTEM_NAMES = ['gb200', 'gb300', 'b200', 'b300'] as const

/** A shipped name, or a path (it holds a slash or ends in .json). Throws UserError for a file that is missing or malformed. */
export function loadSystem(nameOrPath: string): SystemSpec {
  return readDataFile({
    kind: 'system',
    nameOrPath,
    names: SYSTEM_NAMES,
    folder: new URL('../../data/systems/', import.meta.url),
    schema: systemSchema,
  })
}

/**
 * Finished cells on disk, one file each, named by all that the answer depends on: a run that was killed goes on where it was, and nothing that was
 * computed with other constants, traffic or code is ever taken for an answer.
 */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { UserError } from '../../errors.js'
import type { CellResult } from '../../experiments/claim/result.js'
import { demandFolderTakesFiles, makeFolders, writeAtomically } from '../../reports/folder.js'

export interface CellStore {
  /** The answer kept under a key, or null. Throws UserError for a file that is damaged. */
  load(key: string): CellResult | null
  save(key: string, result: CellResult): void
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** With `resume` the folder must hold cells, and else none yet. Throws UserError when it cannot be written: an hour of work follows. */
export function openStore(folder: string, resume: boolean): CellStore {
  const cells = join(folder, 'cells')
  if (resume && !(existsSync(cells) && readdirSync(cells).length > 0))
    throw new UserError({
      where: folder,
      message: 'holds no finished cells to go on with',
      hint: 'name the --out of the run that was stopped, or leave --resume out to begin anew',
    })
  try {
    makeFolders(cells)
  } catch (error) {
    throw new UserError({
      where: folder,
      message: `cannot be made: ${(error as Error).message}`,
      hint: 'choose another place with --out',
    })
  }
  if (!resume && readdirSync(cells).length > 0)
    throw new UserError({
      where: folder,
      message: 'holds finished cells of an earlier run',
      hint: 'add --resume to go on with it, or choose another --out',
    })
  demandFolderTakesFiles(cells, 'choose another place with --out')
  const pathOf = (key: string): string => join(cells, `${key}.json`)
  return {
    load(key) {
      const path = pathOf(key)
      if (!existsSync(path)) return null
      const damaged = (what: string): UserError =>
        new UserError({ where: path, message: `is damaged: ${what}`, hint: 'delete this file; its cell is then computed again' })
      let file: { key?: unknown; sha256?: unknown; result?: unknown }
      try {
        file = JSON.parse(readFileSync(path, 'utf8'))
      } catch {
        throw damaged('it is not JSON')
      }
      if (typeof file !== 'object' || file === null || file.key !== key)
        throw damaged('it does not hold the cell that its name says')
      if (file.sha256 !== sha256(JSON.stringify(file.result))) throw damaged('its checksum is wrong')
      return file.result as CellResult
    },
    save(key, result) {
      writeAtomically(pathOf(key), `${JSON.stringify({ key, sha256: sha256(JSON.stringify(result)), result }, null, 1)}\n`)
    },
  }
}

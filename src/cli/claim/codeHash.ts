/** Names the code that answers: a finished cell is no answer to the question that newer code would ask. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What a simulation is made of; reports, commands and readers of files change no result. */
const FOLDERS = [
  'collections',
  'levers',
  'simulator',
  'metrics',
  'experiments',
  'timing',
  'models',
  'hardware',
  'scenario',
  'traces',
]

/** Hash of the compiled (or, under a test runner, the source) files of the folders above, by name and content. */
export function codeHash(): string {
  const root = fileURLToPath(new URL('../../', import.meta.url))
  const digest = createHash('sha256')
  for (const folder of FOLDERS)
    for (const file of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).sort())
      if (/(?<!\.d)\.[jt]s$/.test(file)) digest.update(`${folder}/${file}\n`).update(readFileSync(join(root, folder, file)))
  return digest.digest('hex').slice(0, 12)
}

/** Where a packing is, and which compilation it was made from. Plain Node: ensure.mjs asks before anything is installed. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const dist = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist')
export const bin = join(dist, 'bin')
/** The last file of a complete packing: `compiled`, the hash of what it was made from, and `files`, what it holds. */
export const STAMP = 'packed.json'

/** What stands in dist/bin, or null. */
export const lastPacking = () => (existsSync(join(bin, STAMP)) ? JSON.parse(readFileSync(join(bin, STAMP), 'utf8')) : null)

/** Names what the compiler wrote last; null before it has. */
export function compilationHash() {
  const info = join(dist, '.tsbuildinfo')
  return existsSync(info) ? createHash('sha256').update(readFileSync(info)).digest('hex') : null
}

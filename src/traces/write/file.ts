/** Files written whole or not at all. */
import { randomBytes } from 'node:crypto'
import { createWriteStream, rmSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { UserError, WRITE_REFUSALS } from '../../errors.js'

export type Piece = string | Uint8Array

/**
 * Writes the pieces, compressed when the name ends in .gz, to a temporary file beside the target, which then takes its place: a reader never
 * sees half a file, and a process that ends itself meanwhile leaves none. Memory holds a few pieces.
 */
export async function writeWhole(path: string, pieces: Iterable<Piece>): Promise<void> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`
  const file = createWriteStream(temporary, { flags: 'wx' })
  const remove = (): void => rmSync(temporary, { force: true })
  process.once('exit', remove)
  try {
    if (path.endsWith('.gz')) await pipeline(Readable.from(pieces), createGzip({ level: 9 }), file)
    else await pipeline(Readable.from(pieces), file)
    await rename(temporary, path)
  } catch (error) {
    // one that is still being opened would appear after it was removed
    if (!file.closed) await new Promise<void>((resolve) => file.once('close', resolve))
    await rm(temporary, { force: true })
    throw explainWriteError(error, path)
  } finally {
    process.off('exit', remove)
  }
}

function explainWriteError(error: unknown, path: string): unknown {
  const code = (error as NodeJS.ErrnoException).code
  if (code === undefined) return error
  if (code === 'ENOENT')
    return new UserError({
      where: path,
      message: `there is no folder ${dirname(path)} to write to`,
      hint: 'make it, or choose another',
    })
  return new UserError({
    where: path,
    message: WRITE_REFUSALS[code] ?? `the file cannot be written (${code})`,
    hint: code === 'ENOSPC' ? 'make room, or choose another place' : 'choose another place, where you may write',
  })
}

/** Files written whole or not at all. */
import { createWriteStream, rmSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { UserError, WRITE_REFUSALS } from '../../errors.js'
import { linkTarget, modeFor, putInPlace, temporaryFor } from '../../wholeFile.js'

export type Piece = string | Uint8Array

/**
 * Writes the pieces, compressed when the name ends in .gz, to a temporary file beside what the path leads to, which then takes its place: a
 * reader never sees half a file, and a process that ends itself meanwhile leaves none. Memory holds a few pieces.
 */
export async function writeWhole(path: string, pieces: Iterable<Piece>): Promise<void> {
  let place = path
  try {
    place = linkTarget(path)
    await writeTo(place, pieces, path.endsWith('.gz'))
  } catch (error) {
    throw explainWriteError(error, path, dirname(place))
  }
}

async function writeTo(place: string, pieces: Iterable<Piece>, isPacked: boolean): Promise<void> {
  const temporary = temporaryFor(place)
  const file = createWriteStream(temporary, { flags: 'wx', mode: modeFor(place) })
  const remove = (): void => rmSync(temporary, { force: true })
  process.once('exit', remove)
  try {
    if (isPacked) await pipeline(Readable.from(pieces), createGzip({ level: 9 }), file)
    else await pipeline(Readable.from(pieces), file)
    putInPlace(temporary, place)
  } catch (error) {
    // one that is still being opened would appear after it was removed
    if (!file.closed) await new Promise<void>((resolve) => file.once('close', resolve))
    await rm(temporary, { force: true })
    throw error
  } finally {
    process.off('exit', remove)
  }
}

function explainWriteError(error: unknown, path: string, folder: string): unknown {
  const code = (error as NodeJS.ErrnoException).code
  if (code === undefined) return error
  if (code === 'ENOENT')
    return new UserError({
      where: path,
      message: `there is no folder ${folder} to write to`,
      hint: 'make it, or choose another',
    })
  return new UserError({
    where: path,
    message: WRITE_REFUSALS[code] ?? `the file cannot be written (${code})`,
    hint: code === 'ENOSPC' ? 'make room, or choose another place' : 'choose another place, where you may write',
  })
}

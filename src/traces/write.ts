/** Trace files out: our own format and a three-column CSV, each written whole or not at all. */
import { randomBytes } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { gzipSync } from 'node:zlib'
import { UserError } from '../errors.js'
import { NS_PER_S } from '../units.js'
import { encodeTrace } from './shapewiseFormat.js'
import type { Workload } from './workload.js'

const ROWS_PER_PIECE = 1 << 15

/** Writes `workload` to a .swt file, or gzip compressed when the name ends in .gz. */
export async function writeTrace(path: string, workload: Workload): Promise<void> {
  const bytes = encodeTrace(workload)
  await writeWhole(path, [path.endsWith('.gz') ? gzipSync(bytes, { level: 9 }) : bytes])
}

/** Writes the columns arrival_s (nine decimals, exact), input_tokens and output_tokens; all else is left out. */
export async function writeCsv(path: string, workload: Workload): Promise<void> {
  if (workload.arrivalNs.some(Number.isNaN)) {
    throw new UserError({
      where: path,
      message: 'Three columns cannot hold requests that wait for others.',
      hint: 'Write a .swt trace instead.',
    })
  }
  await writeWhole(path, csvPieces(workload))
}

function* csvPieces(workload: Workload): Generator<string> {
  yield 'arrival_s,input_tokens,output_tokens\n'
  for (let start = 0; start < workload.count; start += ROWS_PER_PIECE) {
    let piece = ''
    for (let i = start; i < Math.min(start + ROWS_PER_PIECE, workload.count); i++) {
      const seconds = Math.floor(workload.arrivalNs[i] / NS_PER_S)
      const fraction = String(workload.arrivalNs[i] - seconds * NS_PER_S).padStart(9, '0')
      piece += `${seconds}.${fraction},${workload.isl[i]},${workload.osl[i]}\n`
    }
    yield piece
  }
}

/** To a temporary file beside the target, then renamed: a reader never sees half a file. */
async function writeWhole(path: string, pieces: Iterable<string | Uint8Array>): Promise<void> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`
  try {
    const handle = await open(temporary, 'wx')
    try {
      for (const piece of pieces) await handle.writeFile(piece)
    } finally {
      await handle.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw explainWriteError(error, path)
  }
}

function explainWriteError(error: unknown, path: string): unknown {
  const code = (error as NodeJS.ErrnoException).code
  if (code === undefined) return error
  const message = code === 'ENOENT' ? `There is no folder ${dirname(path)} to write to.` : `The file cannot be written (${code}).`
  return new UserError({ where: path, message, hint: 'Choose a folder that exists and that you may write to.' })
}

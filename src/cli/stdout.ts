/** What becomes of a result when stdout takes no more of it. */
import { fstatSync, writeSync } from 'node:fs'
import { UserError } from '../errors.js'
import { EXIT_FINE, EXIT_USER } from './exitCodes.js'

/** To be called once, before anything is printed. */
export function guardStdout(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // a reader that went away (`shapewise compare … | head`) is no error
    if (error.code === 'EPIPE') process.exit(EXIT_FINE)
    const fault = new UserError({
      where: 'stdout',
      // `ENOSPC: no space left on device, write`
      message: `the result cannot be written (${error.message.split(',')[0]}); what is there is not all of it`,
      hint: 'send it to a place with room',
    })
    process.stderr.write(`${fault.message}\n`)
    process.exit(EXIT_USER)
  })
  if (fstatSync(process.stdout.fd).isFile()) process.stdout._write = writeAll
}

/** Node writes to a file once and does not look how much of it was taken: the last piece that fits a disk would pass for the whole. */
function writeAll(chunk: Uint8Array, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
  try {
    for (let from = 0; from < chunk.length; ) from += writeSync(process.stdout.fd, chunk, from)
  } catch (error) {
    done(error as Error)
    return
  }
  done()
}

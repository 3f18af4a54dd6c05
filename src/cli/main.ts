#!/usr/bin/env node
/** Entry of the command line. Results go to stdout, everything else to stderr; see app.ts for the exit codes. */
import { runCli } from './app.js'

// A reader that went away (`shapewise compare … | head`) is not an error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1)
})
// Remarks that nobody reads any more (`… 2>&1 >/dev/null | head`) do not end the work: its result may still be wanted.
process.stderr.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') process.exit(1)
})

process.exitCode = await runCli(process.argv.slice(2))

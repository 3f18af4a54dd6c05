#!/usr/bin/env node
/** Entry of the command line. Results go to stdout, everything else to stderr; see app.ts for the exit codes. */
import { runCli } from './app.js'
import { BUG_TEXT, EXIT_BUG } from './exitCodes.js'
import { guardStdout } from './stdout.js'

/** Node's own exit code for an entry that waits for what never comes. */
const UNSETTLED = 13

guardStdout()
// Remarks that nobody reads any more (`… 2>&1 >/dev/null | head`) do not end the work: its result may still be wanted.
process.stderr.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') process.exit(1)
})

let hasEnded = false
// Node ends with code 13, and without a word, when nothing is left that could go on with the work.
process.on('exit', () => {
  if (hasEnded || (process.exitCode !== undefined && process.exitCode !== UNSETTLED)) return
  process.exitCode = EXIT_BUG
  process.stderr.write(`${BUG_TEXT}the work stopped before its end\n`)
})

const code = await runCli(process.argv.slice(2))
hasEnded = true
process.exitCode = code

#!/usr/bin/env node
/**
 * Entry of the command line. Results go to stdout, everything else to stderr; see app.ts for the exit codes. It loads the rest itself: of what
 * cannot be loaded before anything of ours runs, Node tells with a stack of its own.
 */

/** Node's own exit code for an entry that waits for what never comes. */
const UNSETTLED = 13

/** What keeps a command from starting and is no bug, in the words of a UserError; null for anything else. */
function startFault(error: unknown): string | null {
  const { code, syscall } = error as NodeJS.ErrnoException
  if (syscall === 'uv_cwd')
    return `the current folder  cannot be read (${code}): was it removed or renamed?\n  hint: change to a folder that is there, as with \`cd\``
  if (code === 'EMFILE' || code === 'ENFILE')
    return `shapewise  too few files may be open at once to start (${code})\n  hint: raise the limit, as with \`ulimit -n 1024\``
  return null
}

async function load() {
  try {
    const [app, codes, stdout] = await Promise.all([import('./app.js'), import('./exitCodes.js'), import('./stdout.js')])
    return { ...app, ...codes, ...stdout }
  } catch (error) {
    const fault = startFault(error)
    if (fault === null) throw error
    process.stderr.write(`${fault}\n`)
    process.exit(2)
  }
}

const { guardStdout, reportError, runCli, BUG_TEXT, EXIT_BUG } = await load()
guardStdout()
// Remarks that nobody reads any more (`… 2>&1 >/dev/null | head`, a closed terminal, a full disk) do not end the work: its result may still be wanted.
process.stderr.on('error', () => {})
process.on('uncaughtException', (error) => process.exit(reportError(error)))

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

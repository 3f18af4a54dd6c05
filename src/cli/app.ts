/**
 * The parser, and how commands end (exitCodes.ts). Commands are declared here
 * and in commands/*.ts with nothing heavy imported; what a command needs is loaded when it is called, so that `--help` and a
 * small `run` answer at once.
 */
import yargs from 'yargs'
import { UserError } from '../errors.js'
import { VERSION } from '../scenario/version.js'
import { ablateCommand } from './commands/ablate.js'
import { calibrateCommand } from './commands/calibrate.js'
import { checkCommand } from './commands/check.js'
import { claimCommand } from './commands/claim.js'
import { compareCommand } from './commands/compare.js'
import { explainCommand } from './commands/explain.js'
import { leversCommand } from './commands/levers.js'
import { planCommand } from './commands/plan.js'
import { policyCommand } from './commands/policy.js'
import { reportCommand } from './commands/report.js'
import { runCommand } from './commands/run.js'
import { supportCommand } from './commands/support.js'
import { traceCommand } from './commands/trace/index.js'
import { validateCommand } from './commands/validate/index.js'
import { BUG_TEXT, EXIT_BUG, EXIT_FINE, EXIT_INTERRUPTED, EXIT_USER } from './exitCodes.js'
import { Interrupted } from './interrupt.js'
import { refuseRepeats } from './options.js'
import { terminalColumns } from './output.js'

/** In the order of `--help`. */
const COMMANDS = [
  runCommand,
  compareCommand,
  ablateCommand,
  planCommand,
  explainCommand,
  reportCommand,
  leversCommand,
  policyCommand,
  checkCommand,
  supportCommand,
  traceCommand,
  validateCommand,
  calibrateCommand,
  claimCommand,
]

/** What yargs says in words that a newcomer does not know. */
const PLAINER = {
  'Not enough non-option arguments: got %s, need at least %s': {
    one: 'got %s argument, expected at least %s',
    other: 'got %s arguments, expected at least %s',
  },
  'Not enough arguments following: %s': '--%s needs a value',
  'Did you mean %s?': 'there is no such command; did you mean %s?',
} as unknown as Record<string, string>

/** Widest line of a help text, columns. */
const WIDEST_HELP = 100

/** Runs one command line; never throws. */
export async function runCli(args: readonly string[]): Promise<number> {
  try {
    refuseNothing(args)
    await withoutSpareHelp(parser(args)).parseAsync()
    // `check` has its answer on stdout, and a code of its own
    return typeof process.exitCode === 'number' ? process.exitCode : EXIT_FINE
  } catch (error) {
    return reportError(error)
  }
}

/** The parser takes `-` for an empty argument, and an empty one in some places for none: `run` would simulate what it does without a file. */
function refuseNothing(args: readonly string[]): void {
  if (args.includes('-'))
    throw new UserError({ where: '-', message: 'standard input is not read', hint: 'write it to a file and name that' })
  if (args.includes(''))
    throw new UserError({ where: 'shapewise', message: 'an argument is empty', hint: 'is a variable of the shell not set?' })
}

function parser(args: readonly string[]) {
  return yargs(args)
    .scriptName('shapewise')
    .usage(
      '$0 COMMAND\n\nSimulates LLM serving on GB200/GB300 NVL72 racks: static chunking against request-shape-aware partitioning.',
    )
    .command([...COMMANDS])
    .example('$0 run trace.csv', 'simulate three columns (time, input tokens, output tokens)')
    .example('$0 compare scenarios/demo.yaml', 'static against shape-aware, with intervals')
    .demandCommand(1, 'no command given')
    .strict()
    .recommendCommands()
    .check(refuseRepeats, true)
    .parserConfiguration({
      'greedy-arrays': false,
      'dot-notation': false,
      'camel-case-expansion': false,
      'boolean-negation': false,
    })
    .version(VERSION)
    .help()
    .detectLocale(false)
    .updateStrings(PLAINER)
    .wrap(terminalColumns(WIDEST_HELP))
    .exitProcess(false)
    .fail((message, error) => refuse(message, error, args[0]))
}

/**
 * yargs composes the help of every command that it runs, a tenth of a small `run`, for the case that it must be shown afterwards;
 * our failures never show it. The method is not part of yargs' public types: without it help is merely composed again.
 */
function withoutSpareHelp<T extends object>(instance: T): T {
  const { getInternalMethods } = instance as { getInternalMethods?: () => { getUsageInstance(): { cacheHelpMessage(): void } } }
  const usage = getInternalMethods?.call(instance).getUsageInstance()
  if (usage) usage.cacheHelpMessage = () => {}
  return instance
}

/** yargs' own complaints (with a message, and at most a YError) become user errors; what a command threw goes through as it is. */
function refuse(message: string | null, error: Error | undefined, first = ''): never {
  if (error && (error.name !== 'YError' || !message)) throw error
  const complaint = (message ?? 'the command line cannot be read').replace(/\s*\n\s*/g, ' ')
  const isCommand = COMMANDS.some(({ command }) => String(command).split(' ')[0] === first)
  throw new UserError({
    where: isCommand ? `shapewise ${first}` : 'shapewise',
    message: complaint[0].toLowerCase() + complaint.slice(1),
    hint: isCommand
      ? `\`shapewise ${first} --help\` shows how it is called`
      : '`shapewise --help` lists the commands, `shapewise COMMAND --help` their options',
  })
}

/** What the file system says of a path, where nobody nearer had a better sentence; null for any other error. */
function refusalOf(error: unknown): UserError | null {
  if (!(error instanceof Error)) return null
  const { code, syscall, path, message } = error as NodeJS.ErrnoException
  if (syscall === undefined || path === undefined) return null
  // `EMFILE: too many open files, open '…'`
  const reason = message.split(',')[0]
  return new UserError({
    where: path,
    message: `cannot be used (${reason})`,
    hint:
      code === 'EMFILE' || code === 'ENFILE'
        ? 'raise the number of files that may be open at once, as with `ulimit -n 1024`'
        : 'check the path, its permissions and the space left',
  })
}

/** Says what went wrong and returns the exit code for it. */
export function reportError(error: unknown): number {
  if (error instanceof Interrupted) {
    process.stderr.write(`shapewise: interrupted; ${error.onDisk}\n`)
    return EXIT_INTERRUPTED
  }
  const fault = error instanceof UserError ? error : refusalOf(error)
  if (fault !== null) {
    process.stderr.write(`${fault.message}\n`)
    return EXIT_USER
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  process.stderr.write(`${BUG_TEXT}${text}\n`)
  return EXIT_BUG
}

/** The options by which every verb of `trace` reads a file. */
import type { Argv } from 'yargs'
import { seedOption, wholeNumber } from '../../options.js'
import type { TraceInput } from '../../traceInput.js'

export interface TraceArgs {
  readonly file: string
  readonly from?: string
  readonly 'spread-ticks': boolean
  readonly seed?: string
}

/** Declares the file and how it is read. */
export const traceInputOptions = (yargs: Argv<object>) =>
  yargs
    .positional('file', { type: 'string', demandOption: true, describe: 'A trace' })
    .option('from', {
      type: 'string',
      choices: ['azure', 'mooncake', 'csv', 'shapewise'],
      requiresArg: true,
      describe: 'Format of the file (default: recognised by its content)',
    })
    .option('spread-ticks', {
      type: 'boolean',
      default: false,
      describe: 'Spread coarse ticks of the recorded times uniformly over their length',
    })
    .option('seed', seedOption)

export const traceInput = (args: TraceArgs): TraceInput => ({
  file: args.file,
  from: args.from as TraceInput['from'],
  spreadTicks: args['spread-ticks'],
  seed: args.seed === undefined ? 1 : wholeNumber('--seed', args.seed, 0, Number.MAX_SAFE_INTEGER),
})

/** `shapewise trace inspect|convert`: what is in a trace file, and other forms of it. */
import { defineCommand } from '../command.js'
import { formatOption, seedOption, wholeNumber } from '../options.js'

interface TraceArgs {
  readonly file: string
  readonly from?: string
  readonly 'spread-ticks': boolean
  readonly seed?: string
}
interface InspectArgs extends TraceArgs {
  readonly format: string
}
interface ConvertArgs extends TraceArgs {
  readonly output: string
  readonly to: string
  readonly overwrite: boolean
}

const fromOption = {
  type: 'string',
  choices: ['azure', 'mooncake', 'csv', 'shapewise'],
  requiresArg: true,
  describe: 'Format of the file (default: recognised by its content)',
} as const
const ticksOption = {
  type: 'boolean',
  default: false,
  describe: 'Spread coarse ticks of the recorded times uniformly over their length',
} as const

const input = (args: TraceArgs) => ({
  file: args.file,
  from: args.from as 'csv' | undefined,
  spreadTicks: args['spread-ticks'],
  seed: args.seed === undefined ? 1 : wholeNumber('--seed', args.seed, 0, Number.MAX_SAFE_INTEGER),
})

const inspect = defineCommand<InspectArgs>({
  command: 'inspect <file>',
  describe: 'Print the lengths, the arrivals and the faults of a trace',
  builder: (yargs) =>
    yargs
      .positional('file', { type: 'string', demandOption: true, describe: 'A trace' })
      .option('from', fromOption)
      .option('spread-ticks', ticksOption)
      .option('seed', seedOption)
      .option('format', formatOption)
      .example('$0 trace inspect trace.csv', 'quantiles of input and output tokens, burstiness, skipped rows'),
  handler: async (args) => {
    const { inspectTrace } = await import('../traceFiles.js')
    await inspectTrace(input(args), args.format)
  },
})

const convert = defineCommand<ConvertArgs>({
  command: 'convert <file> <output>',
  describe: 'Write a trace in another format',
  builder: (yargs) =>
    yargs
      .positional('file', { type: 'string', demandOption: true, describe: 'A trace' })
      .positional('output', { type: 'string', demandOption: true, describe: 'The file to write' })
      .option('to', {
        type: 'string',
        choices: ['shapewise', 'csv'],
        demandOption: true,
        requiresArg: true,
        describe: 'Format to write: shapewise keeps every column, csv the three necessary ones',
      })
      .option('overwrite', { type: 'boolean', default: false, describe: 'Replace the output file' })
      .option('from', fromOption)
      .option('spread-ticks', ticksOption)
      .option('seed', seedOption)
      .example(
        '$0 trace convert conversation.jsonl conversation.swt.gz --to shapewise --spread-ticks',
        'a compact, lossless copy',
      ),
  handler: async (args) => {
    const { convertTrace } = await import('../traceFiles.js')
    await convertTrace(input(args), args)
  },
})

export const traceCommand = defineCommand<object>({
  command: 'trace <verb>',
  describe: 'Inspect and convert trace files',
  builder: (yargs) => yargs.command(inspect).command(convert).demandCommand(1, 'trace: name a verb, inspect or convert'),
  handler: () => {},
})

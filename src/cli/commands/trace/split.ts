/** `shapewise trace split`: a trace in parts, one to tune on and another to judge on. */
import { defineCommand } from '../../command.js'
import { type TraceArgs, traceInput, traceInputOptions } from './input.js'

interface SplitArgs extends TraceArgs {
  readonly into: readonly string[]
  readonly by: string
  readonly parts?: string
  readonly overwrite: boolean
}

export const splitCommand = defineCommand<SplitArgs>({
  command: 'split <file> <into..>',
  describe: 'Cut a trace into parts by time or by tenant',
  builder: (yargs) =>
    traceInputOptions(yargs)
      .positional('into', { type: 'string', array: true, demandOption: true, describe: 'The traces to write, two or more' })
      .option('by', {
        type: 'string',
        choices: ['time', 'tenant'],
        default: 'time',
        requiresArg: true,
        describe: 'Consecutive stretches of time, or whole tenants',
      })
      .option('parts', {
        type: 'string',
        requiresArg: true,
        describe: 'Share of each part, as in 0.5,0.25,0.25 (default: equal parts)',
      })
      .option('overwrite', { type: 'boolean', default: false, describe: 'Replace the output files' })
      .example('$0 trace split trace.csv tune.swt judge.swt --parts 0.7,0.3', 'the first 70 % of the time, and the rest'),
  handler: async (args) => {
    const { splitTrace } = await import('../../trace/splitTrace.js')
    await splitTrace(traceInput(args, args.by === 'tenant' ? 'draws' : 'draws nothing'), { ...args, outputs: args.into })
  },
})

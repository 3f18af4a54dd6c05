/** `shapewise trace inspect`: what is in a trace file. */
import { defineCommand } from '../../command.js'
import { formatOption } from '../../options.js'
import { type TraceArgs, traceInput, traceInputOptions } from './input.js'

interface InspectArgs extends TraceArgs {
  readonly format: string
}

export const inspectCommand = defineCommand<InspectArgs>({
  command: 'inspect <file>',
  describe: 'Print the lengths, the arrivals and the faults of a trace',
  builder: (yargs) =>
    traceInputOptions(yargs)
      .option('format', formatOption)
      .example('$0 trace inspect trace.csv', 'quantiles of input and output tokens, burstiness, skipped rows'),
  handler: async (args) => {
    const { inspectTrace } = await import('../../inspectTrace.js')
    await inspectTrace(traceInput(args), args.format)
  },
})

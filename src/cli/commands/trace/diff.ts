/** `shapewise trace diff`: are two traces the same traffic? */
import { defineCommand } from '../../command.js'
import { formatOption } from '../../options.js'
import { type TraceArgs, traceInput, traceInputOptions } from './input.js'

interface DiffArgs extends TraceArgs {
  readonly other: string
  readonly 'scale-free': boolean
  readonly 'fail-on-difference': boolean
  readonly format: string
}

export const diffCommand = defineCommand<DiffArgs>({
  command: 'diff <file> <other>',
  describe: 'Say whether two traces are the same traffic, statistic by statistic',
  builder: (yargs) =>
    traceInputOptions(yargs)
      .positional('other', { type: 'string', demandOption: true, describe: 'The trace to compare with the first' })
      .option('scale-free', {
        type: 'boolean',
        default: false,
        describe: 'Let the rates differ: stretch the clock of the second to the rate of the first',
      })
      .option('fail-on-difference', {
        type: 'boolean',
        default: false,
        describe: 'End with exit code 1 unless the traces are the same traffic',
      })
      .option('format', formatOption)
      .hide('keep-ticks') // ticks stay as they are here
      .example('$0 trace diff measured.csv drawn.swt.gz', 'both figures, the allowed range and a verdict for each statistic'),
  handler: async (args) => {
    const { diffTraces } = await import('../../trace/diffTraces.js')
    await diffTraces(traceInput(args), {
      other: args.other,
      scaleFree: args['scale-free'],
      failOnDifference: args['fail-on-difference'],
      format: args.format,
    })
  },
})

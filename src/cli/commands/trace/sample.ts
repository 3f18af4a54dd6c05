/** `shapewise trace sample`: less or more of the same traffic. */
import { defineCommand } from '../../command.js'
import { type TraceArgs, traceInput, traceInputOptions } from './input.js'

interface SampleArgs extends TraceArgs {
  readonly output: string
  readonly rate?: string
  readonly fraction?: string
  readonly copies?: string
  readonly overwrite: boolean
}

export const sampleCommand = defineCommand<SampleArgs>({
  command: 'sample <file> <output>',
  describe: 'Thin a trace, or superpose shifted copies of it',
  builder: (yargs) =>
    traceInputOptions(yargs)
      .positional('output', { type: 'string', demandOption: true, describe: 'The trace to write; its ending tells the format' })
      .option('rate', {
        type: 'string',
        requiresArg: true,
        describe: 'Requests per second to reach (with sessions: sessions per second)',
      })
      .option('fraction', { type: 'string', requiresArg: true, describe: 'Share of the requests or sessions to keep, up to 1' })
      .option('copies', {
        type: 'string',
        requiresArg: true,
        describe: 'Multiply the traffic: 1.5 is one copy and half another',
      })
      .option('overwrite', { type: 'boolean', default: false, describe: 'Replace the output file' })
      .example(
        '$0 trace sample week.csv tenth.swt.gz --fraction 0.1',
        'a tenth; sessions, and prompts that continue each other, stay whole',
      )
      .example('$0 trace sample hour.csv busy.swt.gz --rate 50', 'thinned or superposed to 50 requests a second'),
  handler: async (args) => {
    const { sampleTrace } = await import('../../trace/sampleTrace.js')
    await sampleTrace(traceInput(args, 'draws'), args)
  },
})

/** `shapewise trace convert`: a trace in another format. */
import { defineCommand } from '../../command.js'
import { type TraceArgs, traceInput, traceInputOptions } from './input.js'

interface ConvertArgs extends TraceArgs {
  readonly output: string
  readonly to: string
  readonly overwrite: boolean
}

export const convertCommand = defineCommand<ConvertArgs>({
  command: 'convert <file> <output>',
  describe: 'Write a trace in another format',
  builder: (yargs) =>
    traceInputOptions(yargs)
      .positional('output', { type: 'string', demandOption: true, describe: 'The file to write' })
      .option('to', {
        type: 'string',
        choices: ['shapewise', 'csv'],
        demandOption: true,
        requiresArg: true,
        describe: 'Format to write: shapewise keeps every column, csv the three necessary ones',
      })
      .option('overwrite', { type: 'boolean', default: false, describe: 'Replace the output file' })
      .example(
        '$0 trace convert conversation.jsonl conversation.swt.gz --to shapewise --spread-ticks',
        'a compact, lossless copy',
      ),
  handler: async (args) => {
    const { convertTrace } = await import('../../convertTrace.js')
    await convertTrace(traceInput(args), args)
  },
})

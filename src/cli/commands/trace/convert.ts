/** `shapewise trace convert`: a trace in another format. */
import { PARTS } from '../../../traces/write/parts.js'
import { TARGET_NAMES } from '../../../traces/write/targets.js'
import { defineCommand } from '../../command.js'
import { type TraceArgs, traceInput, traceInputOptions } from './input.js'

interface ConvertArgs extends TraceArgs {
  readonly output: string
  readonly to?: string
  readonly drop?: string
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
        choices: TARGET_NAMES,
        requiresArg: true,
        describe: 'Format to write (default: told by the ending of the output); shapewise and parquet keep every column',
      })
      .option('drop', {
        type: 'string',
        requiresArg: true,
        describe: `Parts to leave out, such as sessions,blocks; from ${PARTS.join(', ')}`,
      })
      .option('overwrite', { type: 'boolean', default: false, describe: 'Replace the output file' })
      .example('$0 trace convert conversation.jsonl conversation.swt.gz --spread-ticks', 'a compact, lossless copy')
      .example('$0 trace convert sessions.swt shapes.csv --drop blocks', 'all that a CSV holds, for a spreadsheet'),
  handler: async (args) => {
    const { convertTrace } = await import('../../trace/convertTrace.js')
    await convertTrace(traceInput(args), args)
  },
})

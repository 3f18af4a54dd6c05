/** `shapewise trace merge`: several traces as the tenants of one. */
import { defineCommand } from '../../command.js'
import { seedOption } from '../../options.js'
import { readingOptions, type TraceArgs, traceInput } from './input.js'

interface MergeArgs extends Omit<TraceArgs, 'file'> {
  readonly files: readonly string[]
  readonly 'same-ids': boolean
  readonly overwrite: boolean
}

export const mergeCommand = defineCommand<MergeArgs>({
  command: 'merge <files..>',
  describe: 'Put traces together: each begins at time 0 and is a tenant',
  builder: (yargs) =>
    readingOptions(
      yargs.positional('files', {
        type: 'string',
        array: true,
        demandOption: true,
        describe: 'Two or more traces, then the one to write',
      }),
    )
      .option('same-ids', {
        type: 'boolean',
        default: false,
        describe:
          'Equal ids of prefix blocks in different files mean the same prefix (Mooncake, Qwen and Dynamo files, as they were recorded)',
      })
      .option('seed', seedOption)
      .option('overwrite', { type: 'boolean', default: false, describe: 'Replace the output file' })
      .example('$0 trace merge chat.csv code.csv both.swt.gz', 'two tenants, chat and code'),
  handler: async (args) => {
    const { mergeTraces } = await import('../../trace/mergeTraces.js')
    await mergeTraces((file) => traceInput({ ...args, file }), { ...args, sameIds: args['same-ids'] })
  },
})

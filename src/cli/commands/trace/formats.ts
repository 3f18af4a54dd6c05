/** `shapewise trace formats`: what can be read. */
import { FORMAT_TITLES } from '../../../traces/formats/catalogue.js'
import { defineCommand } from '../../command.js'
import { formatOption } from '../../options.js'

export const formatsCommand = defineCommand<{ readonly format: string }>({
  command: 'formats',
  describe: 'List the trace formats that can be read, plain or compressed with gzip or zstd',
  builder: (yargs) => yargs.option('format', formatOption),
  handler: async ({ format }) => {
    const { printJson, printResult } = await import('../../output.js')
    const { columns } = await import('../../../reports/columns.js')
    if (format === 'json') printJson(Object.entries(FORMAT_TITLES).map(([name, title]) => ({ name, title })))
    else printResult(columns(Object.entries(FORMAT_TITLES).map(([name, title]) => [name, title])))
  },
})

/** `shapewise report`: makes the report of a run folder again from what is stored in it. */
import { defineCommand } from '../command.js'
import { printResult } from '../output.js'

export const reportCommand = defineCommand<{ readonly dir: string }>({
  command: 'report <dir>',
  describe: 'Rebuild report.html of a run folder from its stored results',
  builder: (yargs) =>
    yargs
      .positional('dir', { type: 'string', demandOption: true, describe: 'A folder made by run, compare or ablate' })
      .example('$0 report runs/20260102T030405Z-abc123', 'prints the path of the report'),
  handler: async ({ dir }) => {
    const { regenerateReport } = await import('../../reports/runFolder.js')
    printResult(regenerateReport(dir))
  },
})

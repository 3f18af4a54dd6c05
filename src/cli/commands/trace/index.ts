/** `shapewise trace …`: one file per verb. */
import { defineCommand } from '../../command.js'
import { convertCommand } from './convert.js'
import { formatsCommand } from './formats.js'
import { inspectCommand } from './inspect.js'

export const traceCommand = defineCommand<object>({
  command: 'trace <verb>',
  describe: 'Inspect and convert trace files',
  builder: (yargs) =>
    yargs
      .command(inspectCommand)
      .command(convertCommand)
      .command(formatsCommand)
      .demandCommand(1, 'trace: name a verb, inspect, convert or formats'),
  handler: () => {},
})

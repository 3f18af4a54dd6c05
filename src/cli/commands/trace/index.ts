/** `shapewise trace …`: one file per verb. */
import { defineCommand } from '../../command.js'
import { convertCommand } from './convert.js'
import { diffCommand } from './diff.js'
import { formatsCommand } from './formats.js'
import { inspectCommand } from './inspect.js'
import { mergeCommand } from './merge.js'
import { sampleCommand } from './sample.js'
import { splitCommand } from './split.js'
import { synthCommand } from './synth.js'

export const traceCommand = defineCommand<object>({
  command: 'trace <verb>',
  describe: 'Inspect, compare, convert, draw, thin, cut and merge traces',
  builder: (yargs) =>
    yargs
      .command(inspectCommand)
      .command(diffCommand)
      .command(convertCommand)
      .command(formatsCommand)
      .command(synthCommand)
      .command(sampleCommand)
      .command(splitCommand)
      .command(mergeCommand)
      .demandCommand(1, 'trace: name a verb, such as inspect or synth'),
  handler: () => {},
})

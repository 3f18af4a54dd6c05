/** `shapewise trace …`: one file per verb. */
import { UserError } from '../../../errors.js'
import { suggest } from '../../../suggest.js'
import { defineCommand } from '../../command.js'
import { convertCommand } from './convert.js'
import { diffCommand } from './diff.js'
import { formatsCommand } from './formats.js'
import { inspectCommand } from './inspect.js'
import { mergeCommand } from './merge.js'
import { sampleCommand } from './sample.js'
import { splitCommand } from './split.js'
import { synthCommand } from './synth.js'

const VERBS = ['inspect', 'diff', 'convert', 'formats', 'synth', 'sample', 'split', 'merge']

export const traceCommand = defineCommand<{ readonly verb?: string }>({
  command: 'trace [verb]',
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
      .command(mergeCommand),
  handler: ({ verb }) => {
    throw new UserError({
      where: 'trace',
      message: verb === undefined ? 'name a verb' : `there is no verb '${verb}'`,
      hint: verb === undefined ? `such as inspect or synth; all are ${VERBS.join(', ')}` : suggest(verb, VERBS),
    })
  },
})

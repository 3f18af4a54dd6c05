/** `shapewise support`: what can be simulated, and on what kind of evidence the step times of each combination stand. */
import { defineCommand } from '../command.js'
import { formatOption } from '../options.js'

interface SupportArgs {
  readonly system?: string
  readonly model?: string
  readonly format: string
}

export const supportCommand = defineCommand<SupportArgs>({
  command: 'support',
  describe: 'List model x system x precision x layout with the evidence of their step times',
  builder: (yargs) =>
    yargs
      .option('system', { type: 'string', requiresArg: true, describe: 'Only this system (a name or the path of a file)' })
      .option('model', { type: 'string', requiresArg: true, describe: 'Only this model (a name or the path of a file)' })
      .option('format', formatOption)
      .example('$0 support --system gb200 --model deepseek-r1', 'layouts of DeepSeek-R1 on GB200')
      .example('$0 support --model ./my-model.json', 'a model of your own on every shipped system'),
  handler: async ({ system, model, format }) => {
    const { printSupport } = await import('../explain/supportTable.js')
    printSupport({ system, model, format })
  },
})

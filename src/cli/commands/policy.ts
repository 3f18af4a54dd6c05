/** `shapewise policy new LEVER FILE`: a commented policy that runs as it is. */
import type { Argv } from 'yargs'
import { LEVERS } from '../../levers/lever.js'
import { defineCommand } from '../command.js'

interface NewArgs {
  readonly lever: string
  readonly file: string
}

const newCommand = defineCommand<NewArgs>({
  command: 'new <lever> <file>',
  describe: 'Write a commented policy that runs as it is',
  builder: (yargs) =>
    yargs
      .positional('lever', {
        type: 'string',
        demandOption: true,
        choices: LEVERS,
        describe: 'What it decides',
      })
      .positional('file', { type: 'string', demandOption: true, describe: 'A new file that ends in .ts, .mts, .js or .mjs' })
      .example('$0 policy new rank my-policy.ts', 'then: shapewise compare SCENARIO --arm mine=rank:./my-policy.ts'),
  handler: async ({ lever, file }) => {
    const { writeTemplate } = await import('../policies/policyTemplate.js')
    writeTemplate(lever, file)
  },
})

export const policyCommand = defineCommand({
  command: 'policy <command>',
  describe: 'Policies of your own',
  builder: (yargs: Argv) => yargs.command(newCommand).demandCommand(1, 'no command given'),
  handler: () => {},
})

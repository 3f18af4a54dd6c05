/** `shapewise check FILE`: a policy of the user's against generated scenarios. */
import { UserError } from '../../errors.js'
import { LEVERS, type LeverName } from '../../levers/lever.js'
import { defineCommand } from '../command.js'
import { formatOption, wholeNumber } from '../options.js'

interface CheckArgs {
  readonly policy: string
  readonly lever?: LeverName
  readonly runs?: string
  readonly seed?: string
  readonly out?: string
  readonly scenario?: string
  readonly format: string
}

const MOST_RUNS = 1_000_000

export const checkCommand = defineCommand<CheckArgs>({
  command: 'check <policy>',
  describe: 'Look for a small scenario in which a policy of your own breaks a law (then the exit code is 1)',
  builder: (yargs) =>
    yargs
      .positional('policy', {
        type: 'string',
        demandOption: true,
        describe: 'A file (my-policy.ts), or a shipped policy with --lever',
      })
      .option('lever', {
        type: 'string',
        choices: LEVERS,
        requiresArg: true,
        describe: 'What it decides (default: what the file says)',
      })
      .option('runs', { type: 'string', requiresArg: true, describe: 'Scenarios (default: 1000)' })
      .option('seed', { type: 'string', requiresArg: true, describe: 'Seed of the scenarios (default: 1)' })
      .option('out', {
        type: 'string',
        requiresArg: true,
        describe: 'A new folder for the scenario that is found (default: it is printed)',
      })
      .option('scenario', {
        type: 'string',
        requiresArg: true,
        describe: 'Check on this scenario alone, such as one found before',
      })
      .option('format', formatOption)
      .example('$0 check my-policy.ts', 'a thousand scenarios')
      .example('$0 check my-policy.ts --out found', 'then: shapewise check my-policy.ts --scenario found/scenario.yaml'),
  handler: async (args) => {
    const runs = wholeNumber('--runs', args.runs ?? '1000', 1, MOST_RUNS)
    const seed = wholeNumber('--seed', args.seed ?? '1', 0, Number.MAX_SAFE_INTEGER)
    for (const [flag, text] of [
      ['--runs', args.runs],
      ['--seed', args.seed],
    ])
      if (args.scenario !== undefined && text !== undefined)
        throw new UserError({
          where: `${flag} ${text}`,
          message: 'has no effect beside --scenario, which is the one scenario to check on',
          hint: 'leave one of them out',
        })
    if (args.scenario !== undefined && args.out !== undefined)
      throw new UserError({
        where: '--out',
        message: 'has no effect beside --scenario, which is a file already',
        hint: 'leave one of them out',
      })
    const { checkFile } = await import('../policies/checkFile.js')
    await checkFile({ ...args, runs, seed })
  },
})

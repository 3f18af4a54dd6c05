/** `shapewise compare`: all arms on the same traffic, differences with intervals. */

import { defineCommand } from '../command.js'
import { interruptSignal, unlessInterrupted } from '../interrupt.js'
import {
  armInput,
  checkOutput,
  coresOf,
  coresOption,
  effortOption,
  type OutputArgs,
  oraclesOption,
  overrides,
  ownArmsOption,
  withResultOptions,
} from '../options.js'

interface CompareArgs extends OutputArgs {
  readonly scenario: string
  readonly set?: string[]
  readonly arm?: string[]
  readonly seed?: string
  readonly threads?: string
  readonly effort: string
  readonly oracles: boolean
  readonly quiet: boolean
}

export const compareCommand = defineCommand<CompareArgs>({
  command: 'compare <scenario>',
  describe: 'Compare static, tuned-static, tuned-size, shape-aware and your own arms on the same traffic',
  builder: (yargs) =>
    withResultOptions(
      yargs
        .positional('scenario', { type: 'string', demandOption: true, describe: 'A scenario (.yaml)' })
        .option('arm', ownArmsOption)
        .option('effort', effortOption)
        .option('oracles', oraclesOption)
        .option('threads', coresOption),
    )
      .example('$0 compare scenarios/demo.yaml', 'the table on stdout, the report in runs/')
      .example('$0 compare scenarios/azure-conv.yaml --set workload.path=conv.csv', 'on your own trace')
      .example('$0 compare scenarios/demo.yaml --effort quick --format json', 'a first look, for a program')
      .example('$0 compare scenarios/demo.yaml --arm mine=rank:./my-policy.ts', 'a policy of your own beside the others'),
  handler: async (args) => {
    checkOutput(args)
    const sets = overrides(args.set, args.seed)
    const arms = (args.arm ?? []).map(armInput)
    const threads = coresOf(args.threads)
    const signal = interruptSignal()
    const { compareArms } = await import('../compareArms.js')
    await unlessInterrupted(signal, () =>
      compareArms({ ...args, effort: args.effort as 'quick' | 'normal', sets, arms, threads, signal }),
    )
  },
})

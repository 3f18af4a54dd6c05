/** `shapewise compare`: all arms on the same traffic, differences with intervals. */

import { defineCommand } from '../command.js'
import { interruptSignal, unlessInterrupted } from '../interrupt.js'
import {
  checkOutput,
  coresOf,
  coresOption,
  effortOption,
  type OutputArgs,
  oraclesOption,
  overrides,
  withResultOptions,
} from '../options.js'

interface CompareArgs extends OutputArgs {
  readonly scenario: string
  readonly set?: string[]
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
        .option('effort', effortOption)
        .option('oracles', oraclesOption)
        .option('threads', coresOption),
    )
      .example('$0 compare scenarios/demo.yaml', 'the table on stdout, the report in runs/')
      .example('$0 compare scenarios/azure-conv.yaml --set workload.path=conv.csv', 'on your own trace')
      .example('$0 compare scenarios/demo.yaml --effort quick --format json', 'a first look, for a program'),
  handler: async (args) => {
    checkOutput(args)
    const sets = overrides(args.set, args.seed)
    const threads = coresOf(args.threads)
    const signal = interruptSignal()
    const { compareArms } = await import('../compareArms.js')
    await unlessInterrupted(signal, () =>
      compareArms({ ...args, effort: args.effort as 'quick' | 'normal', sets, threads, signal }),
    )
  },
})

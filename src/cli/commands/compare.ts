/** `shapewise compare`: all arms on the same traffic, differences with intervals. */

import { availableParallelism } from 'node:os'
import { defineCommand } from '../command.js'
import { interruptSignal, unlessInterrupted } from '../interrupt.js'
import {
  armInput,
  checkOutput,
  MAX_THREADS,
  type OutputArgs,
  overrides,
  ownArmsOption,
  wholeNumber,
  withResultOptions,
} from '../options.js'

interface CompareArgs extends OutputArgs {
  readonly scenario: string
  readonly set?: string[]
  readonly arm?: string[]
  readonly seed?: string
  readonly threads?: string
  readonly effort: string
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
        .option('effort', {
          type: 'string',
          choices: ['quick', 'normal'],
          default: 'normal',
          requiresArg: true,
          describe: 'Simulated requests a run: quick is for a first look',
        })
        .option('threads', {
          type: 'string',
          requiresArg: true,
          describe: 'Worker threads; results do not depend on it (default: one a core)',
        }),
    )
      .example('$0 compare scenarios/demo.yaml', 'the table on stdout, the report in runs/')
      .example('$0 compare scenarios/azure-conv.yaml --set workload.path=conv.csv', 'on your own trace')
      .example('$0 compare scenarios/demo.yaml --effort quick --format json', 'a first look, for a program')
      .example('$0 compare scenarios/demo.yaml --arm mine=rank:./my-policy.ts', 'a policy of your own beside the others'),
  handler: async (args) => {
    checkOutput(args)
    const sets = overrides(args.set, args.seed)
    const arms = (args.arm ?? []).map(armInput)
    const threads = args.threads === undefined ? availableParallelism() : wholeNumber('--threads', args.threads, 1, MAX_THREADS)
    const signal = interruptSignal()
    const { compareArms } = await import('../compareArms.js')
    await unlessInterrupted(signal, () =>
      compareArms({ ...args, effort: args.effort as 'quick' | 'normal', sets, arms, threads, signal }),
    )
  },
})

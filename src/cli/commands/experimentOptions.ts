/** What `compare` and `ablate` are told alike: own arms, oracles, effort and threads, beside the options of a result. */
import type { Argv, Options } from 'yargs'
import type { ArmInput } from '../../scenario/overrides.js'
import { armInput, checkOutput, coresOf, coresOption, type OutputArgs, overrides, withResultOptions } from '../options.js'

const armsOption = {
  type: 'string',
  array: true,
  requiresArg: true,
  describe:
    'An arm of your own, NAME=LEVER:POLICY[,LEVER:POLICY...]; a policy by name or a file: mine=rank:./my-policy.ts; levers not named are those of static, untuned (repeatable)',
} as const satisfies Options
const effortOption = {
  type: 'string',
  choices: ['quick', 'normal'],
  default: 'normal',
  requiresArg: true,
  describe: 'Simulated requests per run; quick is for a first look',
} as const satisfies Options
const oraclesOption = {
  type: 'boolean',
  default: false,
  describe:
    'Run the slow oracles too: the best split of every batch and the best dispatch over ranks; in compare also static tuned on the test part',
} as const satisfies Options

export interface ExperimentArgs extends OutputArgs {
  readonly scenario: string
  readonly oracles: boolean
  readonly set?: string[]
  readonly arm?: string[]
  readonly seed?: string
  readonly threads?: string
  readonly effort: string
  readonly quiet: boolean
}

export const withExperimentOptions = (yargs: Argv): Argv =>
  withResultOptions(
    yargs
      .option('arm', armsOption)
      .option('effort', effortOption)
      .option('oracles', oraclesOption)
      .option('threads', coresOption),
  )

/** The options read, all their faults told. */
export function experimentOf(args: ExperimentArgs): {
  readonly effort: 'quick' | 'normal'
  readonly sets: string[]
  readonly arms: ArmInput[]
  readonly threads: number
} {
  checkOutput(args)
  return {
    effort: args.effort as 'quick' | 'normal',
    sets: overrides(args.set, args.seed),
    arms: (args.arm ?? []).map(armInput),
    threads: coresOf(args.threads),
  }
}

/** `shapewise ablate`: which lever a gain comes from. */
import { defineCommand } from '../command.js'
import { interruptSignal, unlessInterrupted } from '../interrupt.js'
import { type ExperimentArgs, experimentOf, withExperimentOptions } from './experimentOptions.js'

interface AblateArgs extends ExperimentArgs {
  readonly from: string
  readonly to: string
  readonly levers?: string
  readonly capacity: boolean
}

export const ablateCommand = defineCommand<AblateArgs>({
  command: 'ablate <scenario>',
  describe: 'Share out a gain among the levers: all mixes of two arms on the same traffic, Shapley values, interactions',
  builder: (yargs) =>
    withExperimentOptions(
      yargs
        .positional('scenario', { type: 'string', demandOption: true, describe: 'A scenario (.yaml)' })
        .option('from', {
          type: 'string',
          default: 'tuned-static',
          requiresArg: true,
          describe: 'The baseline: static, tuned-static, tuned-size, or an arm of the scenario',
        })
        .option('to', {
          type: 'string',
          default: 'shape-aware',
          requiresArg: true,
          describe: 'The arm whose gain is shared out: shape-aware, or an arm of the scenario',
        })
        .option('levers', {
          type: 'string',
          requiresArg: true,
          describe: 'Levers to change, such as split,rank; the others stay as in --from (default: all that differ)',
        })
        .option('capacity', {
          type: 'boolean',
          default: false,
          describe: 'Search the capacity of every mix too; takes several times as long',
        }),
    )
      .example('$0 ablate scenarios/demo.yaml --effort quick', 'the waterfall on stdout, the report in runs/')
      .example('$0 ablate scenarios/azure-conv.yaml --from tuned-size --levers split,rank', 'two levers, another baseline')
      .example('$0 ablate scenarios/demo.yaml --to mine --arm mine=split:length-aware,rank:./my-policy.ts', 'an arm of your own'),
  handler: async (args) => {
    const options = experimentOf(args)
    const signal = interruptSignal()
    const { ablateArms } = await import('../experiment/ablateArms.js')
    await unlessInterrupted(signal, () => ablateArms({ ...args, ...options, signal }))
  },
})

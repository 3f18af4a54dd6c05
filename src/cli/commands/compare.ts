/** `shapewise compare`: all arms on the same traffic, differences with intervals. */

import { defineCommand } from '../command.js'
import { interruptSignal, unlessInterrupted } from '../interrupt.js'
import { type ExperimentArgs, experimentOf, withExperimentOptions } from './experimentOptions.js'

export const compareCommand = defineCommand<ExperimentArgs>({
  command: 'compare <scenario>',
  describe: 'Compare static, tuned-static, tuned-size, shape-aware and your own arms on the same traffic',
  builder: (yargs) =>
    withExperimentOptions(yargs.positional('scenario', { type: 'string', demandOption: true, describe: 'A scenario (.yaml)' }))
      .example('$0 compare scenarios/demo.yaml', 'the table on stdout, the report in runs/')
      .example('$0 compare scenarios/azure-conv.yaml --set workload.path=conv.csv', 'on your own trace')
      .example('$0 compare scenarios/demo.yaml --effort quick --format json', 'a first look, for a program')
      .example('$0 compare scenarios/demo.yaml --arm mine=rank:./my-policy.ts', 'a policy of your own beside the others'),
  handler: async (args) => {
    const options = experimentOf(args)
    const signal = interruptSignal()
    const { compareArms } = await import('../experiment/compareArms.js')
    await unlessInterrupted(signal, () => compareArms({ ...args, ...options, signal }))
  },
})

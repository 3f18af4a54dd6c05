/** `shapewise plan`: a scenario with every default filled in and everything derived, checked, without running it. */

import { UserError } from '../../errors.js'
import { defineCommand } from '../command.js'
import { formatOption, overrides, seedOption, setOption } from '../options.js'
import { printResult } from '../output.js'

interface PlanArgs {
  readonly scenario: string
  readonly set?: string[]
  readonly seed?: string
  readonly format: string
  readonly resolved: boolean
}

export const planCommand = defineCommand<PlanArgs>({
  command: 'plan <scenario>',
  describe: 'Check a scenario and print what follows from it: KV blocks, weights, placement',
  builder: (yargs) =>
    yargs
      .positional('scenario', { type: 'string', demandOption: true, describe: 'A scenario (.yaml)' })
      .option('resolved', {
        type: 'boolean',
        default: false,
        describe: 'Print the scenario with its defaults as YAML, ready to run again',
      })
      .option('set', setOption)
      .option('seed', seedOption)
      .option('format', formatOption)
      .example('$0 plan scenarios/demo.yaml', 'KV blocks, weights and placement of each engine')
      .example('$0 plan scenarios/demo.yaml --resolved', 'the same scenario, nothing left to defaults')
      .epilogue('docs/SCENARIO.md lists all keys of a scenario: values, units, defaults, and which go together.'),
  handler: async ({ scenario, set, seed, format, resolved }) => {
    if (resolved && format === 'json') {
      throw new UserError({
        where: '--resolved',
        message: 'prints YAML and has no effect with --format json',
        hint: 'keep one of the two',
      })
    }
    const { loadPlan } = await import('../scenarioInput.js')
    const plan = await loadPlan(scenario, overrides(set, seed))
    const { path } = plan.workload
    if (path !== null) (await import('../../traces/byteStream.js')).requireFile(path)
    const { describePlan, planJson, resolvedYaml } = await import('../../scenario/index.js')
    if (resolved) printResult(resolvedYaml(plan))
    else printResult(format === 'json' ? planJson(plan) : describePlan(plan))
  },
})

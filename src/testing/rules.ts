/** All that is asked of a policy in one scenario. Each fault is a sentence that begins with the number of the law. */
import { PolicyError, UserError } from '../errors.js'
import { createArm, staticArm } from '../levers/catalogue.js'
import type { Arm, ArmSpec, LeverName } from '../levers/lever.js'
import type { ClusterConfig } from '../simulator/config.js'
import type { Workload } from '../traces/workload.js'
import type { Scenario } from './arbitraries.js'
import { brokenLaws, outcomeOfFast } from './laws.js'
import { scramble } from './policies.js'
import { type FastRun, runFast } from './run.js'
import { futureLeaks, repetitionFaults, snapshotFaults } from './twins.js'
import { watched } from './watch.js'

/** Makes a fresh policy, under guard. */
export type MakePolicy = () => Arm[LeverName]

/** Where a policy is checked: a cluster, its requests, and the policies of the other levers. */
export interface Stage {
  readonly config: ClusterConfig
  readonly workload: Workload
  readonly companions: ArmSpec
}

/** The scenario of a stage, in which the policy pulls its lever. `tell` gets what is seen from decision to decision. */
export function scenarioOn(stage: Stage, lever: LeverName, make: MakePolicy, tell: (fault: string) => void): Scenario {
  const { config, workload, companions } = stage
  const places = config.engines.reduce((sum, { ranks }) => sum + ranks, 0)
  return {
    config,
    workload,
    load: { kind: 'open' },
    window: undefined,
    untilNs: undefined,
    arm: () => ({ ...createArm(companions), [lever]: watched(lever, make(), places, tell) }) as Arm,
  }
}

/** The static arm with the companions. */
export const companionsOf = (config: ClusterConfig, policies: Readonly<Partial<Record<LeverName, string>>>): ArmSpec => ({
  ...staticArm(config.engines),
  ...policies,
})

type TwinLaw = (scenario: Scenario, run: FastRun, events: number) => string[]

const future: TwinLaw = (scenario, run) => futureLeaks(scenario, undefined, run)

/** Laws that take further runs of the scenario, of which a search tries one at a time. `events`: where it is cut. */
const TWINS: readonly TwinLaw[] = [
  (scenario, run) => repetitionFaults(scenario, run),
  future,
  (scenario, run, events) => snapshotFaults(scenario, events, run),
]

/** The faults of a policy on one stage; none when it keeps all laws there. `twin`: the number of the one twin run to make; without it, all. */
export function policyFaults(stage: Stage, lever: LeverName, make: MakePolicy, twin?: number): string[] {
  const seen = new Set<string>()
  const scenario = scenarioOn(stage, lever, make, (fault) => {
    if (seen.size < 5) seen.add(fault)
  })
  try {
    const run = runFast(scenario)
    const found = [...seen, ...brokenLaws(scenario, outcomeOfFast(run))]
    if (found.length > 0) return found
    const events = scramble(stage.workload.isl) % Math.max(1, run.result.events)
    // an oracle is a bound that may know the future
    const laws = make().info.oracle === true ? TWINS.filter((law) => law !== future) : TWINS
    const twins = twin === undefined ? laws : [laws[twin % laws.length]]
    return twins.flatMap((faultsOf) => faultsOf(scenario, run, events))
  } catch (error) {
    if (error instanceof PolicyError || error instanceof UserError) return [`LAW-60 ${error.message.split('\n')[0]}`]
    throw error
  }
}

/** The entry of the thread of `check` (checkFile.ts). */
import { parentPort, workerData } from 'node:worker_threads'
import { UserError } from '../../errors.js'
import { failureOf } from '../../executors/failure.js'
import { beginWatched, type WatchedStart } from '../../executors/watchedThread.js'
import { clusterConfig } from '../../scenario/index.js'
import { faultsOn, findFault, makerOf } from '../../testing/check.js'
import { companionsOf } from '../../testing/rules.js'
import { CHECKED_ARM } from '../../testing/written.js'
import { loadPlan, loadWorkload } from '../scenarioInput.js'
import type { CheckAnswer, CheckStart, Found } from './checkFile.js'

const { policy, lever, runs, seed, scenario, ...start } = workerData as CheckStart & WatchedStart

/** On a scenario of the user's: its requests as recorded, and the other levers as in its arm `checked`, or static. */
async function checkOn(path: string): Promise<Found | null> {
  const plan = await loadPlan(path, [])
  if (plan.workload.load.method !== 'as_recorded')
    throw new UserError({
      where: path,
      message: 'a policy is checked on traffic as recorded',
      hint: 'set workload.load.method: as_recorded',
    })
  const config = clusterConfig(plan)
  const {
    name: _,
    sourceHash: __,
    [lever]: ___,
    ...others
  } = plan.arms.find(({ name }) => name === CHECKED_ARM) ?? companionsOf(config, {})
  const workload = await loadWorkload(plan, () => {}, true)
  const faults = faultsOn({ config, workload, companions: companionsOf(config, others) }, lever, makerOf(policy, lever))
  return faults.length === 0 ? null : { faults }
}

beginWatched(start)
let answer: CheckAnswer
try {
  answer = { fault: scenario === undefined ? findFault(policy, { lever, runs, seed }) : await checkOn(scenario) }
} catch (error) {
  answer = { failure: failureOf(error) }
}
parentPort?.postMessage(answer)

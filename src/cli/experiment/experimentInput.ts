/** What `compare` and `ablate` do alike: scenario to experiment, progress, the folder of the result. */
import type { ExperimentOptions } from '../../experiments/experiment.js'
import type { Records } from '../../metrics/records.js'
import { createProgress } from '../../reports/progress.js'
import { openResultFolder, type StoredResult } from '../../reports/runFolder.js'
import { clusterConfig, evidenceOfPlan, resolvedYaml } from '../../scenario/index.js'
import type { ArmInput } from '../../scenario/overrides.js'
import { Interrupted, NOTHING_WRITTEN } from '../interrupt.js'
import type { OutputArgs } from '../options.js'
import { printResult, remark } from '../output.js'
import { loadPlan, loadWorkload } from '../scenarioInput.js'
import { showStages } from '../stages.js'

export interface ExperimentRequest extends OutputArgs {
  readonly scenario: string
  readonly sets: readonly string[]
  readonly arms: readonly ArmInput[]
  readonly threads: number
  readonly effort: 'quick' | 'normal'
  readonly oracles: boolean
  readonly quiet: boolean
  readonly signal: AbortSignal
}

/** A result as it is printed and kept. */
interface Finished {
  readonly stored: StoredResult
  readonly records: readonly { readonly arm: string; readonly records: Records }[]
  readonly json: string
  table(colour: boolean): string
}

/** Runs `work` on the scenario and prints and stores what it finds. */
export async function runExperiment(
  request: ExperimentRequest,
  work: (options: ExperimentOptions) => Promise<Finished>,
): Promise<void> {
  const { format, out, overwrite, quiet, signal, threads, effort } = request
  const startedAt = new Date()
  const say = quiet ? () => {} : remark
  const plan = await loadPlan(request.scenario, request.sets, request.arms)
  say(`shapewise ${plan.version}, plan ${plan.planHash}, seed ${plan.experiment.seed}`)
  const folder =
    format === 'table' || out !== undefined
      ? openResultFolder({ out, overwrite, hash: plan.planHash, startedAt, resolvedYaml: resolvedYaml(plan) })
      : null
  try {
    const config = clusterConfig(plan)
    const workload = await loadWorkload(plan, say, quiet)
    const progress = createProgress({ quiet })
    const evidence = evidenceOfPlan(plan)
    const options = { plan, config, workload, evidence, threads, effort, signal, onProgress: showStages(progress) }
    const { stored, records, json, table } = await work(options).finally(() => progress.stop())
    if (signal.aborted) throw new Interrupted(NOTHING_WRITTEN)
    try {
      const wallS = (Date.now() - startedAt.getTime()) / 1000
      const path = folder?.finish({ wallS, plan, summaryJson: json }, stored, records)
      if (path !== undefined) remark(`report: ${path}/report.html`)
    } finally {
      // a folder that fails at the end does not take the result with it
      printResult(format === 'json' ? json : table(process.stdout.isTTY === true))
    }
  } finally {
    folder?.abandon()
  }
}

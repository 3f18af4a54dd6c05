/** The work of `compare`. */
import { compare, comparisonJson, type Effort } from '../experiments/index.js'
import { createProgress } from '../reports/progress.js'
import { writeComparisonFolder } from '../reports/runFolder.js'
import { comparisonTable } from '../reports/terminal.js'
import { clusterConfig, resolvedYaml } from '../scenario/index.js'
import type { ArmInput } from '../scenario/overrides.js'
import { Interrupted, NOTHING_WRITTEN } from './interrupt.js'
import type { OutputArgs } from './options.js'
import { printResult, remark } from './output.js'
import { evidenceOfPlan } from './prepare.js'
import { loadPlan, loadWorkload } from './scenarioInput.js'

export interface CompareRequest extends OutputArgs {
  readonly scenario: string
  readonly sets: readonly string[]
  readonly arms: readonly ArmInput[]
  readonly threads: number
  readonly effort: Effort
  readonly quiet: boolean
  readonly signal: AbortSignal
}

export async function compareArms(request: CompareRequest): Promise<void> {
  const { format, out, overwrite, quiet, signal, threads, effort } = request
  const startedAt = new Date()
  const say = quiet ? () => {} : remark
  const plan = await loadPlan(request.scenario, request.sets, request.arms)
  say(`shapewise ${plan.version}, plan ${plan.planHash}, seed ${plan.experiment.seed}`)
  const config = clusterConfig(plan)
  const workload = await loadWorkload(plan, say, quiet)
  const progress = createProgress({ quiet })
  let stage = ''
  const onProgress = (update: { stage: string; done: number; total: number; simulatedS: number }): void => {
    if (update.stage !== stage) progress.stage(update.stage, update.total)
    stage = update.stage
    progress.update(update)
  }
  const output = await compare({
    plan,
    config,
    workload,
    evidence: evidenceOfPlan(plan),
    threads,
    effort,
    signal,
    onProgress,
  }).finally(() => progress.stop())
  if (signal.aborted) throw new Interrupted(NOTHING_WRITTEN)
  const { result, records } = output
  const json = comparisonJson(result)
  if (format === 'table' || out !== undefined) {
    const wallS = (Date.now() - startedAt.getTime()) / 1000
    const folder = writeComparisonFolder(
      { out, overwrite, hash: plan.planHash, startedAt, wallS, plan, resolvedYaml: resolvedYaml(plan), summaryJson: json },
      result,
      records,
    )
    remark(`report: ${folder}/report.html`)
  }
  printResult(format === 'json' ? json : comparisonTable(result, { colour: process.stdout.isTTY === true }))
}

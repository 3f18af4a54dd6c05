/** The work of `run`: plan, traffic, one simulation, its summary. */

import { UserError } from '../errors.js'
import { armOn } from '../experiments/families.js'
import { sixDigits } from '../experiments/json.js'
import { createArm } from '../levers/index.js'
import { createSummariser } from '../metrics/summarise.js'
import type { Summary } from '../metrics/summary.js'
import { clusterConfig, resolvedYaml, scenarioFromDefaults } from '../scenario/index.js'
import type { Plan } from '../scenario/plan.js'
import { traceHash } from '../traces/hash.js'
import { lastArrivalNs, sessionShape } from '../traces/sessions.js'
import { nsToS } from '../units.js'
import type { OutputArgs } from './options.js'
import { printResult, remark } from './output.js'
import { simulatePaced } from './paced.js'
import { chooseArm, evidenceOfPlan } from './prepare.js'
import { isScenarioPath, loadPlan, loadWorkload } from './scenarioInput.js'

export interface RunRequest extends OutputArgs {
  readonly input: string
  readonly arm: string
  readonly sets: readonly string[]
  readonly quiet: boolean
  /** Whether the run folder holds requests.parquet. */
  readonly requests: boolean
  /** Where the requests as they were sent are written, if anywhere. */
  readonly exportTrace?: string
  readonly signal: AbortSignal
}

export async function runOne(request: RunRequest): Promise<void> {
  const { input, format, out, overwrite, quiet, signal } = request
  const startedAt = new Date()
  const say = quiet ? () => {} : remark
  const plan = isScenarioPath(input)
    ? await loadPlan(input, request.sets)
    : scenarioFromDefaults({ sets: request.sets, workloadPath: input })
  refuseUnused(plan, request.sets)
  if (request.exportTrace !== undefined && plan.workload.cacheAnswers)
    throw new UserError({
      where: `--export-trace ${request.exportTrace}`,
      message: 'a trace holds the prefix ids of prompts, and with workload.cache_answers the run has those of answers too',
      hint: 'leave one of them out: --set workload.cache_answers=false',
    })
  const chosen = chooseArm(plan, request.arm)
  say(`shapewise ${plan.version}, plan ${plan.planHash}, seed ${plan.experiment.seed}, arm ${chosen.name}`)
  const recorded = await loadWorkload(plan, say, quiet)
  const config = clusterConfig(plan)
  const arm = armOn(chosen, config)
  const { workload, load, window, note } =
    plan.workload.load.method === 'as_recorded'
      ? {
          workload: recorded,
          load: { kind: 'open' } as const,
          window: { fromNs: 0, toNs: Number.POSITIVE_INFINITY },
          note: 'offered as recorded',
        }
      : await (await import('./runTraffic.js')).trafficOf(plan, config, recorded, signal)
  const folder =
    format === 'table' || out !== undefined
      ? (await import('../reports/runFolder.js')).openRunFolder(
          { out, overwrite, hash: plan.planHash, startedAt },
          request.requests,
        )
      : null
  try {
    const closed = load.kind === 'closed'
    const summariser = createSummariser(config, { slo: plan.slo.interactive, window, sessions: sessionShape(workload, closed) })
    const simulated =
      request.exportTrace === undefined ? null : (await import('../traces/asSimulated.js')).createSimulatedTrace(workload, closed)
    const lastNs = lastArrivalNs(workload)
    const progress = quiet ? null : (await import('../reports/progress.js')).createProgress()
    progress?.stage('simulating', 100)
    const result = await simulatePaced(config, createArm(arm), workload, {
      load,
      window,
      signal,
      onProgress: (timeNs) =>
        progress?.update({
          done: lastNs > 0 ? Math.min(99, Math.floor((100 * timeNs) / lastNs)) : 0,
          total: 100,
          simulatedS: nsToS(timeNs),
        }),
      onRecords: (records) => {
        summariser.add(records)
        simulated?.add(records)
        folder?.addRequests(records)
      },
    }).finally(() => progress?.stop())
    const summary = summariser.summary(result.statistics, result.endNs, result.notSent)
    warnUnservable(summary, plan)
    if (simulated !== null) {
      const { writeTrace } = await import('../traces/write/index.js')
      await writeTrace(request.exportTrace as string, simulated.workload())
    }
    const identity = {
      version: plan.version,
      plan_hash: plan.planHash,
      trace_hash: traceHash(recorded),
      seed: plan.experiment.seed,
      evidence: evidenceOfPlan(plan),
    }
    const { name, ...policies } = arm
    const json = JSON.stringify(
      { ...identity, arm: { name, policies }, load: note, summary },
      (_, value) => (typeof value === 'number' ? sixDigits(value) : value),
      2,
    )
    if (folder !== null) {
      const { pictureOf } = await import('../experiments/job.js')
      const { engineBusy, engineKv, quantiles, series } = pictureOf(result, window, summariser)
      const picture = {
        name,
        summary,
        quantiles,
        engine_busy: engineBusy,
        engine_kv: engineKv,
        series: series.map(({ timeNs, waiting, running, kvUse }) => ({ t_s: nsToS(timeNs), waiting, running, kv_use: kvUse })),
      }
      const wallS = (Date.now() - startedAt.getTime()) / 1000
      const path = folder.finish(
        { wallS, plan, resolvedYaml: resolvedYaml(plan), summaryJson: json },
        { meta: { ...identity, arm }, picture, notes: [note] },
      )
      remark(`report: ${path}/report.html`)
    }
    if (format === 'json') {
      printResult(json)
      return
    }
    const { runTable } = await import('../reports/terminal.js')
    printResult(`load: ${note}\n${runTable(summary, { ...identity, arm }, { colour: process.stdout.isTTY === true })}`)
  } finally {
    folder?.abandon()
  }
}

/** A request must fit every engine, since any may get it. */
function warnUnservable({ requests: { unservable } }: Summary, plan: Plan): void {
  if (unservable === 0) return
  const longest = Math.min(...plan.engines.map((engine) => engine.maxModelLen))
  remark(
    `warning: ${unservable} ${unservable === 1 ? 'request is' : 'requests are'} longer than max_model_len ${longest}: unservable`,
  )
}

/** Keys of `experiment` that a single simulation does not read are refused on the command line; a file may hold them for `compare`. */
function refuseUnused(plan: Plan, sets: readonly string[]): void {
  const unused = plan.workload.load.method === 'superpose' ? ['replicates'] : ['replicates', 'warmup']
  for (const key of unused) {
    const set = sets.find((text) => new RegExp(`^experiment(\\.${key}=|=.*\\b${key}\\b)`).test(text))
    if (set === undefined) continue
    throw new UserError({
      where: `--set ${set}`,
      message:
        key === 'replicates'
          ? 'has no effect here: `run` makes one simulation; `compare` makes replicates'
          : `has no effect here: with method ${plan.workload.load.method} \`run\` measures from the first request on`,
      hint: 'leave it out, or use `shapewise compare`',
    })
  }
}

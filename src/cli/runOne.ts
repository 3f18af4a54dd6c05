/** The work of `run`: plan, traffic, one simulation, its summary. */

import { isMainThread } from 'node:worker_threads'
import { UserError } from '../errors.js'
import { sixDigits } from '../experiments/json.js'
import { policiesOf } from '../experiments/tune.js'
import { createArm } from '../levers/index.js'
import { createSummariser } from '../metrics/summarise.js'
import type { Summary } from '../metrics/summary.js'
import { clusterConfig, resolvedYaml, scenarioFromDefaults } from '../scenario/index.js'
import type { ArmInput } from '../scenario/overrides.js'
import type { Plan } from '../scenario/plan.js'
import type { MeasureWindow } from '../simulator/index.js'
import { traceHash } from '../traces/hash.js'
import { lastArrivalNs, sessionShape } from '../traces/sessions.js'
import { nsToS, sToNs } from '../units.js'
import type { OutputArgs } from './options.js'
import { printResult, remark } from './output.js'
import { demandNew } from './outputFile.js'
import { simulatePaced } from './paced.js'
import { chooseArm, evidenceOfPlan } from './prepare.js'
import { readState, type SavedState, writeState } from './savedState.js'
import { isScenarioPath, loadPlan, loadWorkload } from './scenarioInput.js'

export interface RunRequest extends OutputArgs {
  readonly input: string
  readonly arm: string
  readonly sets: readonly string[]
  /** Arms beside those of the scenario. */
  readonly arms: readonly ArmInput[]
  readonly quiet: boolean
  /** Whether the run folder holds requests.parquet. */
  readonly requests: boolean
  /** Where the requests as they were sent are written, if anywhere. */
  readonly exportTrace?: string
  /** Simulated time at which the run ends. */
  readonly stopAtS?: number
  /** Where the state at that time is written. */
  readonly saveState?: string
  /** A state to begin with. */
  readonly warmFrom?: string
  readonly signal: AbortSignal
  /** Told the folder that is being filled, which is renamed when it is complete. */
  readonly onPartial?: (path: string) => void
}

export async function runOne(request: RunRequest): Promise<void> {
  const { input, format, out, overwrite, quiet, signal } = request
  const startedAt = new Date()
  const say = quiet ? () => {} : remark
  const plan = isScenarioPath(input)
    ? await loadPlan(input, request.sets, request.arms)
    : scenarioFromDefaults({ sets: request.sets, workloadPath: input, arms: request.arms })
  refuseUnused(plan, request.sets)
  if (request.exportTrace !== undefined && plan.workload.cacheAnswers)
    throw new UserError({
      where: `--export-trace ${request.exportTrace}`,
      message: 'a trace holds the prefix ids of prompts, and with workload.cache_answers the run has those of answers too',
      hint: 'leave one of them out: --set workload.cache_answers=false',
    })
  demandNew('--save-state', request.saveState)
  demandNew('--export-trace', request.exportTrace)
  const arm = chooseArm(plan, request.arm)
  if (arm.sourceHash !== undefined && isMainThread) return (await import('./runWatched.js')).runWatched(request, arm)
  say(`shapewise ${plan.version}, plan ${plan.planHash}, seed ${plan.experiment.seed}, arm ${arm.name}`)
  const recorded = await loadWorkload(plan, say, quiet)
  const config = clusterConfig(plan)
  const {
    workload,
    load,
    window: whole,
    note: offered,
  } = plan.workload.load.method === 'as_recorded'
    ? {
        workload: recorded,
        load: { kind: 'open' } as const,
        window: { fromNs: 0, toNs: Number.POSITIVE_INFINITY },
        note: 'offered as recorded',
      }
    : await (await import('./runTraffic.js')).trafficOf(plan, config, recorded, signal)
  const identity = {
    version: plan.version,
    plan_hash: plan.planHash,
    trace_hash: traceHash(recorded),
    seed: plan.experiment.seed,
    evidence: evidenceOfPlan(plan),
  }
  const stateOf = { state_hash: plan.stateHash, trace_hash: identity.trace_hash }
  const warm = request.warmFrom === undefined ? null : readState(request.warmFrom, stateOf)
  const { window, note } = partOf(whole, offered, warm, request.stopAtS)
  const folder =
    format === 'table' || out !== undefined
      ? (await import('../reports/runFolder.js')).openRunFolder(
          { out, overwrite, hash: plan.planHash, startedAt },
          request.requests,
        )
      : null
  if (folder !== null) request.onPartial?.(folder.partial)
  try {
    const closed = load.kind === 'closed'
    const summariser = createSummariser(config, { slo: plan.slo.interactive, window, sessions: sessionShape(workload, closed) })
    const simulated =
      request.exportTrace === undefined ? null : (await import('../traces/asSimulated.js')).createSimulatedTrace(workload, closed)
    const untilNs = request.stopAtS === undefined ? undefined : sToNs(request.stopAtS)
    const lastNs = Math.min(untilNs ?? Number.POSITIVE_INFINITY, lastArrivalNs(workload))
    const left: number[] = warm === null ? [] : [...warm.left]
    if (warm !== null) summariser.leave(warm.left)
    let ended: { snapshot: Uint8Array; timeNs: number } | null = null
    const progress = quiet ? null : (await import('../reports/progress.js')).createProgress()
    progress?.stage('simulating', 100)
    let recordsMs = 0
    const began = performance.now()
    const result = await simulatePaced(config, createArm(arm), workload, {
      load,
      window,
      signal,
      untilNs,
      from: warm?.snapshot,
      onEnd:
        request.saveState === undefined
          ? undefined
          : (snapshot, timeNs) => {
              ended = { snapshot, timeNs }
            },
      onProgress: (timeNs) =>
        progress?.update({
          done: lastNs > 0 ? Math.min(99, Math.floor((100 * timeNs) / lastNs)) : 0,
          total: 100,
          simulatedS: nsToS(timeNs),
        }),
      onRecords: (records) => {
        const from = performance.now()
        summariser.add(records)
        if (request.saveState !== undefined && ended === null)
          for (const one of records.request.subarray(0, records.count)) left.push(one)
        simulated?.add(records)
        folder?.addRequests(records)
        recordsMs += performance.now() - from
      },
    }).finally(() => progress?.stop())
    const wallS = (performance.now() - began - recordsMs) / 1000
    // the state may have been saved long after the last event
    const simulatedS = Math.max(0, nsToS(result.endNs - (warm?.timeNs ?? 0)))
    const ratio = simulatedS > 0 ? `, ${(simulatedS / wallS).toFixed(0)} times real time` : ''
    say(
      `simulated ${simulatedS.toFixed(1)} s in ${wallS.toFixed(3)} s${ratio}; took in the records in ${(recordsMs / 1000).toFixed(3)} s`,
    )
    const summary = summariser.summary(result.statistics, result.endNs, result.notSent)
    warnUnservable(summary, plan)
    if (request.saveState !== undefined && ended !== null)
      await writeState(request.saveState, {
        ...stateOf,
        arm: arm.name,
        ...(ended as { snapshot: Uint8Array; timeNs: number }),
        left: Int32Array.from(left),
      })
    if (simulated !== null) {
      const { writeTrace } = await import('../traces/write/index.js')
      await writeTrace(request.exportTrace as string, simulated.workload())
    }
    const { name, sourceHash } = arm
    const json = JSON.stringify(
      { ...identity, arm: { name, policies: policiesOf(arm), source_hash: sourceHash }, load: note, summary },
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

/** What of the traffic is measured when the run begins with a saved state or ends early. */
function partOf(window: MeasureWindow, note: string, warm: SavedState | null, stopAtS: number | undefined) {
  const fromNs = Math.max(window.fromNs, warm?.timeNs ?? 0)
  const toNs = Math.min(window.toNs, stopAtS === undefined ? Number.POSITIVE_INFINITY : sToNs(stopAtS))
  if (toNs <= fromNs)
    throw new UserError({
      where: stopAtS === undefined ? '--warm-from' : `--stop-at ${stopAtS}`,
      message: `nothing is measured before ${nsToS(toNs)} s: what is measured begins at ${nsToS(fromNs)} s`,
      hint: stopAtS === undefined ? 'save a state of an earlier time' : 'stop later',
    })
  const parts = [note]
  if (warm !== null) parts.push(`going on from the state of ${warm.arm} at ${nsToS(warm.timeNs)} s`)
  if (stopAtS !== undefined) parts.push(`ended at ${stopAtS} s`)
  return { window: { fromNs, toNs }, note: parts.join('; ') }
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

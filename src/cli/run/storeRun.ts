/** What `run` leaves behind: a saved state, the requests as they were sent, the run folder. */
import { UserError } from '../../errors.js'
import { printedNumber } from '../../experiments/json.js'
import { policiesOf } from '../../levers/lever.js'
import { tokenCost } from '../../metrics/cost.js'
import type { OpenRunFolder } from '../../reports/runFolder.js'
import type { SimulatedTrace } from '../../traces/asSimulated.js'
import { nsToS } from '../../units.js'
import { remark } from '../output.js'
import type { PreparedRun } from './prepareRun.js'
import type { RunRequest } from './runOne.js'
import { writeState } from './savedState.js'
import type { SimulatedRun } from './simulateRun.js'

/** The files that the request names. */
export async function writeAsked(request: RunRequest, simulated: SimulatedRun): Promise<void> {
  const { saveState, exportTrace } = request
  const { state, sent, result, nobodyComes } = simulated
  if (saveState !== undefined && state !== null && !nobodyComes) await writeState(saveState, state)
  if (exportTrace !== undefined && sent !== null) await writeSent(exportTrace, sent, result.isOver, request)
}

/** Throws where a state was asked for that nobody comes after: the last thing of a run, all else of which is written. */
export function demandFollowers({ saveState, stopAtS }: RunRequest, { nobodyComes }: SimulatedRun): void {
  if (saveState === undefined || !nobodyComes) return
  throw new UserError({
    where: `--save-state ${saveState}`,
    message: `no request is sent from ${stopAtS} s on: a run that goes on from there would measure none, so no state is written`,
    hint: 'stop earlier, or leave it out',
  })
}

const whole = (count: number): string => count.toLocaleString('en-US')

async function writeSent(path: string, sent: SimulatedTrace, isOver: boolean, { stopAtS, quiet }: RunRequest): Promise<void> {
  const all = sent.whole()
  const trace = isOver ? all : sent.onlySent()
  if (trace.count === 0)
    throw new UserError({
      where: `--export-trace ${path}`,
      message: `no request was sent by ${stopAtS} s, so there is nothing to write`,
      hint: 'stop later, or leave it out',
    })
  const { writeTrace } = await import('../../traces/write/index.js')
  await writeTrace(path, trace)
  const missing = all.count - trace.count
  if (missing > 0 && !quiet)
    remark(
      `note: ${path} holds the ${whole(trace.count)} requests that were sent by ${stopAtS} s, and not the other ${whole(missing)}`,
    )
}

/** summary.json, and what `--format json` prints. */
export function runJson({ arm, meta, note, drawnPerS }: PreparedRun, { summary }: SimulatedRun): string {
  const { name, sourceHash } = arm
  const cost = tokenCost(summary.output_tok_s_per_gpu, meta)
  return JSON.stringify(
    {
      ...meta,
      arm: { name, policies: policiesOf(arm), source_hash: sourceHash },
      load: note,
      drawn_rps: drawnPerS,
      summary,
      cost,
    },
    (_, value) => (typeof value === 'number' ? printedNumber(value) : value),
    2,
  )
}

/** Completes the folder of a run that began at `startedAt`. Returns its path. */
export async function finishFolder(
  folder: OpenRunFolder,
  { plan, arm, meta, window, note, remarks = [] }: PreparedRun,
  { result, summary, curves }: SimulatedRun,
  summaryJson: string,
  startedAt: Date,
): Promise<string> {
  const { pictureOf } = await import('../../experiments/job.js')
  const { engineBusy, engineKv, quantiles, series } = pictureOf(result, window, { curves })
  const picture = {
    name: arm.name,
    summary,
    quantiles,
    engine_busy: engineBusy,
    engine_kv: engineKv,
    series: series.map(({ timeNs, waiting, running, kvUse }) => ({ t_s: nsToS(timeNs), waiting, running, kv_use: kvUse })),
  }
  const wallS = (Date.now() - startedAt.getTime()) / 1000
  return folder.finish({ wallS, plan, summaryJson }, { meta, picture, notes: [note, ...remarks] })
}

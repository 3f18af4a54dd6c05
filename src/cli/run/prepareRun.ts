/** What `run` knows before it simulates: plan, arm, traffic, and the state it begins with. */
import { UserError } from '../../errors.js'
import { identityOf } from '../../experiments/identity.js'
import type { ArmSpec } from '../../levers/lever.js'
import type { RunMeta } from '../../reports/runReport.js'
import { clusterConfig, evidenceOfPlan, scenarioFromDefaults } from '../../scenario/index.js'
import { flagGiving } from '../../scenario/overrides.js'
import type { Plan } from '../../scenario/plan.js'
import type { ClusterConfig, LoadConfig, MeasureWindow } from '../../simulator/index.js'
import { startAtOnce } from '../../traces/sessions.js'
import type { Workload } from '../../traces/workload.js'
import { nsToS, sToNs } from '../../units.js'
import { demandDistinct, demandNew } from '../outputFile.js'
import { isScenarioPath, loadPlan, loadWorkload } from '../scenarioInput.js'
import type { RunRequest } from './runOne.js'
import type { Traffic } from './runTraffic.js'
import { demandLeft, readState, type SavedState, type StateOf } from './savedState.js'

export interface PreparedRun extends Pick<Traffic, 'drawnPerS' | 'remarks'> {
  readonly plan: Plan
  readonly config: ClusterConfig
  readonly arm: ArmSpec
  readonly meta: RunMeta
  readonly workload: Workload
  readonly load: LoadConfig
  /** What is measured. */
  readonly window: MeasureWindow
  /** Rows of sessions that began before time 0. */
  readonly begunBefore?: Int32Array
  /** What is offered and measured, in words. */
  readonly note: string
  /** What a saved state of this run is of. */
  readonly stateOf: StateOf
  /** The state it begins with. */
  readonly warm: SavedState | null
}

/** The plan of a run; what the request asks and the run would not do is refused. */
export async function planOfRun({ input, sets, arms, exportTrace, saveState, out }: RunRequest): Promise<Plan> {
  const isTrace = !isScenarioPath(input)
  const section = isTrace ? sets.find((set) => set.startsWith('workload=')) : undefined
  if (section !== undefined)
    throw new UserError({
      where: `--set ${section}`,
      message: `takes the place of ${input} too, which is part of that section`,
      hint: 'set its keys one by one, as in workload.load.rate_per_s=20',
    })
  const other = isTrace ? (flagGiving(sets, 'workload.path') ?? flagGiving(sets, 'workload.preset')) : undefined
  if (other !== undefined)
    throw new UserError({
      where: other,
      message: `takes the place of ${input}, which would not be read`,
      hint: `leave it out, or name the other trace in the place of ${input}; a preset needs a scenario`,
    })
  const plan = isTrace ? scenarioFromDefaults({ sets, workloadPath: input, arms }) : await loadPlan(input, sets, arms)
  refuseUnused(plan, sets)
  if (exportTrace !== undefined && plan.workload.cacheAnswers)
    throw new UserError({
      where: `--export-trace ${exportTrace}`,
      message: 'a trace holds the prefix ids of prompts, and with workload.cache_answers the run has those of answers too',
      hint: 'leave one of them out: --set workload.cache_answers=false',
    })
  demandDistinct([
    { flag: '--out', path: out },
    { flag: '--save-state', path: saveState },
    { flag: '--export-trace', path: exportTrace },
  ])
  demandNew('--save-state', saveState)
  demandNew('--export-trace', exportTrace)
  return plan
}

export async function prepareRun(
  { quiet, signal, warmFrom, stopAtS }: RunRequest,
  plan: Plan,
  arm: ArmSpec,
  say: (text: string) => void,
): Promise<PreparedRun> {
  const recorded = await loadWorkload(plan, say, quiet)
  const config = clusterConfig(plan)
  const meta = { ...identityOf(plan, recorded, evidenceOfPlan(plan)), arm }
  const stateOf = { state_hash: plan.stateHash, trace_hash: meta.trace_hash }
  // before the search for a load, which takes a while
  const warm = warmFrom === undefined ? null : readState(warmFrom, stateOf)
  const traffic: Traffic =
    plan.workload.load.method === 'as_recorded'
      ? {
          workload: recorded,
          load: { kind: 'open' } as const,
          window: { fromNs: 0, toNs: Number.POSITIVE_INFINITY },
          note: startAtOnce(recorded) ? 'offered as recorded, all at once' : 'offered as recorded',
        }
      : await (await import('./runTraffic.js')).trafficOf(plan, config, recorded, { signal, quiet })
  if (warm !== null) demandLeft(warm, warmFrom ?? '', traffic.workload.count)
  return { ...traffic, ...partOf(traffic.window, traffic.note, warm, stopAtS), plan, config, arm, meta, stateOf, warm }
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

/** Keys that a single simulation does not read are refused on the command line; a file may hold them for `compare`. */
function refuseUnused({ workload: { load } }: Plan, sets: readonly string[]): void {
  const unused = [
    { of: 'experiment', key: 'replicates', isUnused: true, why: '`run` makes one simulation; `compare` makes replicates' },
    ...['warmup', 'measure'].map((key) => ({
      ...{ of: 'experiment', key, isUnused: load.method !== 'superpose' },
      why: `with method ${load.method} \`run\` measures from the first request to the last`,
    })),
    {
      ...{ of: 'slo.interactive', key: 'attainment', isUnused: load.fraction === null },
      why: '`run` looks for no capacity, since the load is no fraction of one',
    },
  ]
  for (const { of, key, isUnused, why } of unused) {
    const set = sets.find((text) => new RegExp(`^${of}(\\.${key}=|=.*\\b${key}\\b)`).test(text))
    if (!isUnused || set === undefined) continue
    throw new UserError({
      where: `--set ${set}`,
      message: `has no effect here: ${why}`,
      hint: 'leave it out, or use `shapewise compare`',
    })
  }
}

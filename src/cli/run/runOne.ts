/** The work of `run`: what it is of (prepareRun.ts), one simulation (simulateRun.ts), what stays of it (storeRun.ts), and what is printed. */
import { isMainThread } from 'node:worker_threads'
import { inertNotes } from '../../experiments/armText.js'
import { inertLevers } from '../../experiments/families.js'
import { LEVERS, SHAPE_AWARE_ARM, STATIC_ARM, staticBudget } from '../../levers/index.js'
import { FEWEST_ARRIVALS } from '../../metrics/saturation.js'
import type { Summary } from '../../metrics/summary.js'
import { number } from '../../reports/format.js'
import type { OpenRunFolder } from '../../reports/runFolder.js'
import { cautionsOf, resolvedYaml } from '../../scenario/index.js'
import type { ArmInput } from '../../scenario/overrides.js'
import type { Plan } from '../../scenario/plan.js'
import { longestTaken } from '../../simulator/config.js'
import { lastArrivalNs } from '../../traces/sessions.js'
import { nsToS } from '../../units.js'
import { chooseArm } from '../chooseArm.js'
import type { OutputArgs } from '../options.js'
import { printResult, remark } from '../output.js'
import { type PreparedRun, planOfRun, prepareRun } from './prepareRun.js'
import { type SimulatedRun, simulateRun } from './simulateRun.js'
import { demandFollowers, finishFolder, runJson, writeAsked } from './storeRun.js'

/** A folder that is being filled, and the topmost one that was made for it. */
export type PartialFolder = Pick<OpenRunFolder, 'partial' | 'made'>

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
  readonly onPartial?: (partial: PartialFolder) => void
}

export async function runOne(request: RunRequest): Promise<void> {
  const startedAt = new Date()
  const say = request.quiet ? () => {} : remark
  const plan = await planOfRun(request)
  const arm = chooseArm(plan, request.arm)
  if (arm.sourceHash !== undefined && isMainThread) return (await import('./runWatched.js')).runWatched(request, arm)
  say(`shapewise ${plan.version}, plan ${plan.planHash}, seed ${plan.experiment.seed}, arm ${arm.name}`)
  const folder = await openFolder(request, plan, startedAt)
  try {
    const prepared = await prepareRun(request, plan, arm, say)
    sayOfArm(prepared, say)
    sayOfStack(request, prepared, say)
    const simulated = await simulateRun(prepared, request, folder)
    say(speedText(simulated))
    warnUnservable(simulated.summary, prepared)
    sayTail(simulated.summary, prepared, say)
    const json = runJson(prepared, simulated)
    const printed = request.format === 'json' ? json : await tableOf(prepared, simulated)
    try {
      await writeAsked(request, simulated)
      if (folder !== null) {
        const path = await finishFolder(folder, prepared, simulated, json, startedAt)
        remark(`report: ${path}/report.html`)
      }
      demandFollowers(request, simulated)
    } finally {
      // a file that fails at the end does not take the result with it
      printResult(printed)
    }
  } finally {
    folder?.abandon()
  }
}

async function tableOf({ meta, note, remarks = [] }: PreparedRun, { summary }: SimulatedRun): Promise<string> {
  const { runTable } = await import('../../reports/terminal.js')
  const lines = [`load: ${note}`, ...remarks.map((text) => `note: ${text}`)]
  return `${lines.join('\n')}\n${runTable(summary, meta, { colour: process.stdout.isTTY === true })}`
}

/** What the policies of the arm do not say: levers without effect, and that `compare` has another arm of this name, tuned on the trace. */
function sayOfArm({ arm, config }: PreparedRun, say: (text: string) => void): void {
  for (const note of inertNotes([arm], config)) say(note)
  const tuned = (['chunk', 'rank', 'pool'] as const).filter((lever) => !inertLevers(config).has(lever))
  if (arm.name !== SHAPE_AWARE_ARM.name || tuned.length === 0) return
  const policies = LEVERS.map((lever) => `${lever} ${arm[lever]}`).join(', ')
  say(
    `shape-aware here is the shipped default (${policies}); \`compare\` tunes its ${new Intl.ListFormat('en').format(tuned)} on the trace and prints the --arm text of what it found`,
  )
}

/** That step times or limits are not those one may expect of the plan. */
function sayOfStack({ arm: asked, sets }: RunRequest, { plan, config }: PreparedRun, say: (text: string) => void): void {
  const isNamed = plan.profile !== 'generic'
  for (const caution of cautionsOf(plan)) say(`note: ${caution}`)
  const largest = Math.max(...config.engines.map(({ maxNumBatchedTokens }) => maxNumBatchedTokens))
  const budget = staticBudget(config.engines)
  const isAsked = isNamed || sets.some((set) => set.includes('max_num_batched_tokens'))
  if (asked !== STATIC_ARM.name || inertLevers(config).has('chunk') || !isAsked || largest <= budget) return
  say(
    `note: the arm static fills a step up to ${budget} tokens, not to the ${largest} of max_num_batched_tokens, and cuts all KV into 8 pieces; engines as they are served: --arm "served=chunk:fixed-budget(${largest}),split:occupancy-rule"`,
  )
}

/** The run folder while it is filled; null where nothing but JSON is asked for. */
async function openFolder(
  { format, out, overwrite, requests, onPartial }: RunRequest,
  plan: Plan,
  startedAt: Date,
): Promise<OpenRunFolder | null> {
  if (format !== 'table' && out === undefined) return null
  const { openRunFolder } = await import('../../reports/runFolder.js')
  const folder = openRunFolder({ out, overwrite, hash: plan.planHash, startedAt, resolvedYaml: resolvedYaml(plan) }, requests)
  onPartial?.({ partial: folder.partial, made: folder.made })
  return folder
}

function speedText({ simulatedS, simulationS, recordsS }: SimulatedRun): string {
  const ratio = simulatedS > 0 ? `, ${(simulatedS / simulationS).toFixed(0)} times real time` : ''
  return `simulated ${simulatedS.toFixed(1)} s in ${simulationS.toFixed(3)} s${ratio}; summarised the records in ${recordsS.toFixed(3)} s`
}

/** Few sessions may go on long after the last of them began, and a queue long after the last request: rates over that time are no throughput. */
function sayTail(
  { window_s: windowS, requests }: Summary,
  { load, window, workload }: PreparedRun,
  say: (text: string) => void,
): void {
  if (load.kind !== 'open' || window.toNs !== Number.POSITIVE_INFINITY || requests.injected < FEWEST_ARRIVALS) return
  const lastS = nsToS(lastArrivalNs(workload))
  if (lastS === 0 || windowS < 2 * lastS) return
  say(
    `note: the last request that waits for no other is sent at ${number(lastS)} s, and the run measures until all is answered, ${number(windowS)} s: requests/s and tokens/s are means over all of that`,
  )
}

/** A request must fit every engine, since any may get it. */
function warnUnservable({ requests: { unservable } }: Summary, { config }: PreparedRun): void {
  if (unservable === 0) return
  const { whole, prompt } = longestTaken(config.engines)
  const prompts = prompt < whole ? `, or their prompts than ${prompt}` : ''
  remark(
    `warning: ${unservable} ${unservable === 1 ? 'request is' : 'requests are'} longer than the engines take, ${whole} tokens${prompts} (max_model_len): unservable`,
  )
}

/** From the words on the command line to a Plan and a Workload. */
import { readFileSync, type Stats, statSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UserError } from '../errors.js'
import type { ArmInput } from '../scenario/overrides.js'
import type { Plan } from '../scenario/plan.js'
import { textOf } from '../textFile.js'
import type { ReadOptions } from '../traces/options.js'
import { parseWindow } from '../traces/rules.js'
import type { Workload } from '../traces/workload.js'
import { readTraceFile } from './trace/readTraceFile.js'
import { tickNotes } from './trace/traceInput.js'

/** Larger than any scenario; a trace given by mistake is not read whole. */
const MAX_SCENARIO_BYTES = 2 ** 20

const SCENARIO_ENDINGS = new Set(['.yaml', '.yml'])
export const isScenarioPath = (path: string): boolean => SCENARIO_ENDINGS.has(extname(path).toLowerCase())

const unreadable = (path: string, error: unknown): UserError =>
  new UserError({
    where: path,
    message: `cannot be read: ${(error as Error).message}`,
    hint: 'check the path and the permissions of the file',
  })

/** Undefined where there is no such file. */
function statOf(candidate: string, path: string): Stats | undefined {
  try {
    return statSync(candidate, { throwIfNoEntry: false })
  } catch (error) {
    throw unreadable(path, error)
  }
}

/** For who names a trace where a scenario is asked for. */
const TRACE_HINT =
  'to run a trace directly: shapewise run FILE; for everything else name it in a scenario, as in: shapewise compare scenarios/demo.yaml --set workload.path=FILE'

/**
 * The scenario's text, and where it was found: a path that leads nowhere is looked up among the shipped scenarios, so `scenarios/demo.yaml` works
 * anywhere.
 */
function readScenario(path: string): { readonly text: string; readonly foundAt: string } {
  // a name is no part of a URL: it may have a %
  const shipped = join(fileURLToPath(new URL('../../', import.meta.url)), path)
  for (const candidate of path.startsWith('scenarios/') ? [path, shipped] : [path]) {
    const stat = statOf(candidate, path)
    if (!stat) continue
    if (!stat.isFile())
      throw new UserError({ where: path, message: 'is not a file', hint: 'give the path of a scenario (.yaml)' })
    if (stat.size > MAX_SCENARIO_BYTES) {
      throw new UserError({
        where: path,
        message: `has ${stat.size} bytes, more than a scenario may (${MAX_SCENARIO_BYTES})`,
        hint: TRACE_HINT,
      })
    }
    let bytes: Buffer
    try {
      bytes = readFileSync(candidate)
    } catch (error) {
      throw unreadable(path, error)
    }
    return { text: textOf(bytes, path), foundAt: candidate }
  }
  throw new UserError({
    where: path,
    message: 'no such file',
    hint: 'shipped scenarios: scenarios/demo.yaml, scenarios/llama-tp4.yaml and others beside them',
  })
}

export async function loadPlan(path: string, sets: readonly string[], arms: readonly ArmInput[] = []): Promise<Plan> {
  if (!isScenarioPath(path)) {
    throw new UserError({
      where: path,
      message: 'is not a scenario: its name does not end in .yaml or .yml',
      hint: TRACE_HINT,
    })
  }
  const { text, foundAt } = readScenario(path)
  const { loadScenario } = await import('../scenario/index.js')
  return loadScenario({ text, file: path, folder: dirname(foundAt), sets, arms })
}

/** The workload a plan names; remarks of the reader go to `onRemark`, progress of a long file to stderr unless `quiet`. */
export async function loadWorkload(plan: Plan, onRemark: (text: string) => void, quiet: boolean): Promise<Workload> {
  const workload = await readWorkload(plan, onRemark, quiet)
  if (plan.workload.load.sessions === 'recorded') return withPrefixes(plan, workload, onRemark)
  const { closedSessions } = await import('../traces/sessions.js')
  return withPrefixes(plan, closedSessions(workload), onRemark)
}

async function readWorkload(plan: Plan, onRemark: (text: string) => void, quiet: boolean): Promise<Workload> {
  const { preset, uniform } = plan.workload
  if (uniform !== null) return (await import('../traces/generate/uniform.js')).uniformWorkload(uniform, plan.experiment.seed)
  if (preset !== null) return await (await import('../traces/presets.js')).presetWorkload(preset)
  const options = { ...readOptionsOf(plan), seed: plan.experiment.seed }
  const { workload, report } = await readTraceFile(plan.workload.path as string, options, quiet)
  for (const note of [...report.notes, ...tickNotes(options, [report], 'workload.spread_ticks')]) onRemark(note)
  for (const { line, within, reason } of report.firstSkipped)
    onRemark(`  line ${line}${within === undefined ? '' : `, ${within}`}: ${reason}`)
  return workload
}

/** What caches of prefixes need of a workload: ids, and those of the answers where they are to be kept. */
async function withPrefixes(plan: Plan, workload: Workload, onRemark: (text: string) => void): Promise<Workload> {
  const caching = plan.engines.find(({ enablePrefixCaching }) => enablePrefixCaching)
  if (caching === undefined) {
    if (workload.runOffset !== null)
      onRemark('Prefix caching is off (enable_prefix_caching), so the reuse of prefixes is not credited.')
    return workload
  }
  if (workload.runOffset === null)
    throw new UserError({
      where: `engines.${caching.name}.enable_prefix_caching`,
      message: `has no effect: ${workload.provenance.name} has no prefix ids`,
      hint: "remove it, or name a trace with ids of prefix blocks, such as one in Mooncake's format",
    })
  if (!plan.workload.cacheAnswers) return workload
  const { withAnswerBlocks } = await import('../traces/answers.js')
  const answered = withAnswerBlocks(workload)
  if (answered === null)
    throw new UserError({
      where: 'workload.cache_answers',
      message: `has no effect: no prompt of ${workload.provenance.name} goes on from an earlier one of its session`,
      hint: 'remove it, or name a trace with sessions and prefix ids',
    })
  return answered
}

/** The options of `workload.read` as the readers take them. */
function readOptionsOf({ workload: { spreadTicks, keepTicks, read = {} } }: Plan): ReadOptions {
  return {
    spreadTicks,
    keepTicks,
    from: read.from,
    columns:
      read.columns === undefined && read.time_unit === undefined ? undefined : { ...read.columns, timeUnit: read.time_unit },
    outputs: read.outputs,
    order: read.order,
    duplicates: read.duplicates,
    blockTokens: read.block_tokens,
    contextLimit: read.context_limit,
    overLimit: read.over_limit,
    limit: read.limit,
    window: read.window === undefined ? undefined : (parseWindow(read.window) ?? undefined),
    shareSystemPrompt: read.share_system_prompt,
  }
}

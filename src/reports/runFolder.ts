/** What goes into a run folder, and how its report is made again from what lies there. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { fileWriter } from 'hyparquet-writer'
import { UserError } from '../errors.js'
import type { AblationResult, ComparisonResult } from '../experiments/result.js'
import type { Records } from '../metrics/records.js'
import type { Plan } from '../scenario/plan.js'
import { refuseEndless } from '../textFile.js'
import { createRunFolder, type RunFolder, type RunFolderOptions, writeAtomically } from './folder.js'
import { ablationHtml } from './html/ablation.js'
import { comparisonHtml } from './html/comparison.js'
import { runHtml } from './html/run.js'
import { createRequestsWriter, recordsToParquet } from './parquet.js'
import type { RunReport } from './runReport.js'

export { createRunFolder }

/** What is known before the work that the folder is of. */
export interface OpenOptions extends RunFolderOptions {
  /** The resolved scenario, re-runnable YAML: becomes config.resolved.yaml. */
  readonly resolvedYaml: string
}

/** What every run folder holds in the end. */
export interface RunFiles {
  /** Printed JSON: becomes summary.json. */
  readonly summaryJson: string
  readonly plan: Plan
  readonly wallS: number
}

const RESOLVED = 'config.resolved.yaml'
const SUMMARY = 'summary.json'
const REQUESTS = 'requests.parquet'
const COMPARISON = 'comparison.full.json.gz'
const ABLATION = 'ablation.full.json.gz'
const RUN = 'run.full.json.gz'
const REPORT = 'report.html'

export type StoredResult =
  | { readonly kind: 'comparison'; readonly result: ComparisonResult }
  | { readonly kind: 'ablation'; readonly result: AblationResult }

/** The folder of a comparison or an ablation while the work is on. */
export interface OpenResultFolder {
  /** Writes the result and moves the folder to its place. `records`: those of the first replicate, one entry per arm. Returns its path. */
  finish(files: RunFiles, stored: StoredResult, records: readonly { readonly arm: string; readonly records: Records }[]): string
  /** Removes what has been written. Safe to call after `finish`. */
  abandon(): void
}

/** Opened before the work, so that a folder that cannot be written costs none of it. */
export function openResultFolder(options: OpenOptions): OpenResultFolder {
  const folder = openFolder(options)
  return {
    finish(files, { kind, result }, records) {
      const full = JSON.stringify({ kind, result, plan: files.plan })
      folder.write(SUMMARY, files.summaryJson)
      if (records.length > 0)
        folder.write(REQUESTS, recordsToParquet(records.map((entry) => ({ labels: { arm: entry.arm }, records: entry.records }))))
      folder.write(kind === 'comparison' ? COMPARISON : ABLATION, gzipSync(full))
      folder.write(REPORT, htmlOf(full))
      return folder.finish(manifestOf(files, result))
    },
    abandon: folder.abandon,
  }
}

/** The folder of a run of one arm while the run is on. */
export interface OpenRunFolder {
  /** Where it is built until it is finished, and the topmost folder that was made for it. */
  readonly partial: string
  readonly made: string | undefined
  /** Appends requests that have left; without effect when the folder was opened without requests. */
  addRequests(records: Records): void
  /** Writes the other files and moves the folder to its place. Returns its path. */
  finish(files: RunFiles, report: RunReport): string
  /** Removes what has been written. Safe to call after `finish`. */
  abandon(): void
}

/** Opens the folder of a run; `withRequests`: it will hold requests.parquet, written as requests leave. */
export function openRunFolder(options: OpenOptions, withRequests: boolean): OpenRunFolder {
  const folder = openFolder(options)
  const writer = withRequests ? folder.stream(REQUESTS, (path) => createRequestsWriter(fileWriter(path))) : null
  return {
    addRequests(records) {
      if (writer !== null) folder.stream(REQUESTS, () => writer.add(records))
    },
    finish(files, report) {
      if (writer !== null) folder.stream(REQUESTS, () => writer.finish())
      const full = JSON.stringify({ kind: 'run', report, plan: files.plan })
      folder.write(SUMMARY, files.summaryJson)
      folder.write(RUN, gzipSync(full))
      folder.write(REPORT, htmlOf(full))
      return folder.finish(manifestOf(files, report.meta))
    },
    abandon: folder.abandon,
    partial: folder.partial,
    made: folder.made,
  }
}

type Identity = Pick<ComparisonResult, 'version' | 'seed' | 'plan_hash' | 'trace_hash'>

const manifestOf = ({ wallS }: RunFiles, { version, seed, plan_hash, trace_hash }: Identity) => ({
  version,
  seed,
  plan_hash,
  trace_hash,
  wall_s: wallS,
})

function openFolder(options: OpenOptions): RunFolder {
  const folder = createRunFolder(options)
  try {
    folder.write(RESOLVED, options.resolvedYaml)
  } catch (error) {
    folder.abandon()
    throw error
  }
  return folder
}

/** What is stored, and what the page is drawn from. */
type Stored = (StoredResult | { readonly kind: 'run'; readonly report: RunReport }) & { readonly plan: Plan }

/** The page is always drawn from the stored text, so drawing it again later gives the same bytes. */
function htmlOf(full: string): string {
  const stored = JSON.parse(full) as Stored
  if (stored.kind === 'ablation') return ablationHtml(stored.result, stored.plan)
  return stored.kind === 'comparison' ? comparisonHtml(stored.result, stored.plan) : runHtml(stored.report, stored.plan)
}

/** What each file of results holds, and which command writes it. */
const FILES: readonly { readonly name: string; readonly kind: Stored['kind']; readonly verb: string }[] = [
  { name: COMPARISON, kind: 'comparison', verb: 'compare' },
  { name: ABLATION, kind: 'ablation', verb: 'ablate' },
  { name: RUN, kind: 'run', verb: 'run' },
]

/** Makes report.html of a run folder again. Returns the path of the page. */
export function regenerateReport(dir: string): string {
  const found = FILES.find(({ name }) => existsSync(join(dir, name)))
  if (found === undefined)
    throw new UserError({
      where: dir,
      message: `no ${COMPARISON}, ${ABLATION} or ${RUN} here: not a run folder`,
      hint: 'give a folder that run, compare or ablate has written',
    })
  const { name, kind, verb } = found
  const file = join(dir, name)
  const fault = (message: string) => new UserError({ where: file, message, hint: `make the folder anew by shapewise ${verb}` })
  const full = unpacked(file, fault)
  refuseForeign(full, kind, fault)
  let page: string
  try {
    page = htmlOf(full)
  } catch (error) {
    // what was drawn when the folder was made can be drawn again
    throw error instanceof UserError ? error : fault(`the file is damaged: a part of the ${kind} is missing or of another form`)
  }
  const path = join(dir, REPORT)
  writeAtomically(path, page, `move what is there elsewhere, or make room in ${dir}, and call it again`)
  return path
}

type FaultOf = (message: string) => UserError

function unpacked(file: string, fault: FaultOf): string {
  let packed: Buffer
  try {
    refuseEndless(file)
    packed = readFileSync(file)
  } catch (error) {
    throw fault(`cannot be read: ${(error as Error).message}`)
  }
  try {
    const full = gunzipSync(packed).toString('utf8')
    JSON.parse(full)
    return full
  } catch {
    throw fault('the file is damaged: it is not gzipped JSON')
  }
}

const isMapping = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Refuses what is no result of this kind, and one that an earlier version wrote without all that its page needs. */
function refuseForeign(full: string, kind: Stored['kind'], fault: FaultOf): void {
  const stored: unknown = JSON.parse(full)
  const held = isMapping(stored) && stored.kind === kind ? stored[kind === 'run' ? 'report' : 'result'] : undefined
  const plan = isMapping(stored) ? stored.plan : undefined
  if (!isMapping(held) || !isMapping(plan) || typeof plan.version !== 'string')
    throw fault(`the file is damaged: it holds no ${kind} with its plan`)
  const older = (what: string) =>
    new UserError({
      ...fault(`written by shapewise ${plan.version}${what}`).faults[0],
      hint: 'make the report with that version, or run again with this one',
    })
  if (kind === 'comparison' && held.attribution === undefined) throw older(' before comparisons held an attribution')
  if (plan.rack === undefined) throw older(', whose plans do not say how a rack is built')
}

/** What goes into a run folder, and how its report is made again from what lies there. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { fileWriter } from 'hyparquet-writer'
import { UserError } from '../errors.js'
import type { AblationResult, ComparisonResult } from '../experiments/result.js'
import type { Records } from '../metrics/records.js'
import type { Plan } from '../scenario/plan.js'
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

/** The page is always drawn from the stored text, so drawing it again later gives the same bytes. */
function htmlOf(full: string): string {
  const stored = JSON.parse(full) as
    | { kind: 'comparison'; result: ComparisonResult; plan: Plan }
    | { kind: 'ablation'; result: AblationResult; plan: Plan }
    | { kind: 'run'; report: RunReport; plan: Plan }
  if (stored.kind === 'ablation') return ablationHtml(stored.result, stored.plan)
  return stored.kind === 'comparison' ? comparisonHtml(stored.result, stored.plan) : runHtml(stored.report, stored.plan)
}

/** Makes report.html of a run folder again. Returns the path of the page. */
export function regenerateReport(dir: string): string {
  const name = [COMPARISON, ABLATION, RUN].find((candidate) => existsSync(join(dir, candidate)))
  if (!name)
    throw new UserError({
      where: dir,
      message: `no ${COMPARISON}, ${ABLATION} or ${RUN} here: not a run folder`,
      hint: 'give a folder that run, compare or ablate has written',
    })
  let full: string
  try {
    full = gunzipSync(readFileSync(join(dir, name))).toString('utf8')
    JSON.parse(full)
  } catch {
    throw new UserError({
      where: join(dir, name),
      message: 'the file is damaged: it is not gzipped JSON',
      hint: 'run the comparison again',
    })
  }
  const { kind, plan, result } = JSON.parse(full) as {
    kind: string
    plan: Partial<Plan>
    result?: Partial<ComparisonResult>
  }
  if (kind === 'comparison' && result?.attribution === undefined)
    throw new UserError({
      where: join(dir, name),
      message: `written by shapewise ${plan.version} before comparisons held an attribution`,
      hint: 'make the report with that version, or run again with this one',
    })
  if (plan.rack === undefined)
    throw new UserError({
      where: join(dir, name),
      message: `written by shapewise ${plan.version}, whose plans do not say how a rack is built`,
      hint: 'make the report with that version, or run again with this one',
    })
  const path = join(dir, REPORT)
  writeAtomically(path, htmlOf(full), `move what is there elsewhere, or make room in ${dir}, and call it again`)
  return path
}

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

/** What every run folder holds. */
export interface RunFiles {
  /** The resolved scenario, re-runnable YAML. */
  readonly resolvedYaml: string
  /** Printed JSON: becomes summary.json. */
  readonly summaryJson: string
  readonly plan: Plan
  readonly wallS: number
}

const REQUESTS = 'requests.parquet'
const COMPARISON = 'comparison.full.json.gz'
const ABLATION = 'ablation.full.json.gz'
const RUN = 'run.full.json.gz'
const REPORT = 'report.html'

/** The folder of a comparison or an ablation. `records`: those of the first replicate, one entry per arm. Returns the folder's path. */
export function writeResultFolder(
  options: RunFolderOptions & RunFiles,
  { kind, result }: { kind: 'comparison'; result: ComparisonResult } | { kind: 'ablation'; result: AblationResult },
  records: readonly { readonly arm: string; readonly records: Records }[],
): string {
  const full = JSON.stringify({ kind, result, plan: options.plan })
  const folder = createRunFolder(options)
  try {
    writeCommon(folder, options)
    if (records.length > 0)
      folder.write(REQUESTS, recordsToParquet(records.map((entry) => ({ labels: { arm: entry.arm }, records: entry.records }))))
    folder.write(kind === 'comparison' ? COMPARISON : ABLATION, gzipSync(full))
    folder.write(REPORT, htmlOf(full))
    return folder.finish(manifestOf(options, result))
  } finally {
    folder.abandon()
  }
}

/** The folder of a run of one arm while the run is on. */
export interface OpenRunFolder {
  /** Where it is built until it is finished. */
  readonly partial: string
  /** Appends requests that have left; without effect when the folder was opened without requests. */
  addRequests(records: Records): void
  /** Writes the other files and moves the folder to its place. Returns its path. */
  finish(files: RunFiles, report: RunReport): string
  /** Removes what has been written. Safe to call after `finish`. */
  abandon(): void
}

/** Opens the folder of a run; `withRequests`: it will hold requests.parquet, written as requests leave. */
export function openRunFolder(options: RunFolderOptions, withRequests: boolean): OpenRunFolder {
  const folder = createRunFolder(options)
  const writer = withRequests ? folder.stream(REQUESTS, (path) => createRequestsWriter(fileWriter(path))) : null
  return {
    addRequests(records) {
      if (writer !== null) folder.stream(REQUESTS, () => writer.add(records))
    },
    finish(files, report) {
      if (writer !== null) folder.stream(REQUESTS, () => writer.finish())
      const full = JSON.stringify({ kind: 'run', report, plan: files.plan })
      writeCommon(folder, files)
      folder.write(RUN, gzipSync(full))
      folder.write(REPORT, htmlOf(full))
      return folder.finish(manifestOf(files, report.meta))
    },
    abandon: folder.abandon,
    partial: folder.partial,
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

function writeCommon(folder: RunFolder, files: RunFiles): void {
  folder.write('config.resolved.yaml', files.resolvedYaml)
  folder.write('summary.json', files.summaryJson)
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
  writeAtomically(path, htmlOf(full))
  return path
}

/** The traces of the fair experiment: the user's own copies of the public ones, or the look-alikes that are shipped. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UserError } from '../../errors.js'
import { TRACES, type TraceName } from '../../experiments/claim/cell.js'
import { MAX_MODEL_LEN } from '../../experiments/claim/cluster.js'
import type { PresetName } from '../../traces/presetNames.js'
import { presetWorkload } from '../../traces/presets.js'
import { readTrace } from '../../traces/read.js'
import type { Workload } from '../../traces/workload.js'

interface TraceSource {
  /** Names under which the public file goes. */
  readonly file: RegExp
  readonly spreadTicks: boolean
  readonly lookAlike: PresetName
  /** What a reader looks for. */
  readonly title: string
}

const TRACE_SOURCES: Readonly<Record<TraceName, TraceSource>> = {
  'azure-conv': {
    file: /^AzureLLMInferenceTrace_conv.*\.csv(\.gz)?$/,
    spreadTicks: false,
    lookAlike: 'chat',
    title: 'Azure LLM inference 2023, conversation',
  },
  'azure-code': {
    file: /^AzureLLMInferenceTrace_code.*\.csv(\.gz)?$/,
    spreadTicks: false,
    lookAlike: 'code',
    title: 'Azure LLM inference 2023, code',
  },
  'moon-conv': {
    file: /^conversation_trace.*\.jsonl(\.gz)?$/,
    spreadTicks: true,
    lookAlike: 'mixed',
    title: 'Mooncake FAST 2025, conversation',
  },
  'moon-synthetic': {
    file: /^synthetic_trace.*\.jsonl(\.gz)?$/,
    spreadTicks: false,
    lookAlike: 'rag',
    title: 'Mooncake FAST 2025, synthetic',
  },
  reasoning: {
    file: /^deepseek-r1.*\.csv(\.gz)?$/,
    spreadTicks: false,
    lookAlike: 'reasoning',
    title: 'ServeGen, deepseek-r1, drawn once from its client pools',
  },
  agentic: {
    file: /^sessions\.runs\.jsonl(\.gz)?$/,
    spreadTicks: false,
    lookAlike: 'agent-steps',
    title: 'WEKA Claude Code sessions',
  },
}

/** Folders below the given one that are looked into. */
const DEPTH = 2
const PACKAGE = new URL('../../../', import.meta.url)

export interface TraceSet {
  readonly workloads: ReadonlyMap<TraceName, Workload>
  /** Whether the traffic is that of the public traces. */
  readonly real: boolean
}

/** The folder that is read when none is given: `shared/data/traces` beside the checkout, if it is there. */
export function defaultTraces(): string | null {
  const beside = fileURLToPath(new URL('../shared/data/traces', PACKAGE))
  return existsSync(beside) ? beside : null
}

/** Reads the traces that are needed. A folder must hold all of them; without one the look-alikes are used. `limit`: first requests of each only. */
export async function loadTraces(folder: string | null, needed: readonly TraceName[], limit?: number): Promise<TraceSet> {
  const workloads = new Map<TraceName, Workload>()
  const files = folder === null ? [] : filesIn(folder, DEPTH)
  for (const name of TRACES.filter((one) => needed.includes(one))) {
    const source = TRACE_SOURCES[name]
    if (folder === null) {
      workloads.set(name, await presetWorkload(source.lookAlike))
      continue
    }
    const found = files.filter((path) => source.file.test(basename(path)))
    if (found.length !== 1) {
      throw new UserError({
        where: `--traces ${folder}`,
        message: `${found.length === 0 ? 'no file' : `${found.length} files (${found.map((path) => relative(folder, path)).join(', ')})`} for ${name} (${source.title}): its name must match ${source.file.source}`,
        hint: 'put one copy of each public trace there, or leave --traces out to use the look-alikes',
      })
    }
    const options = { spreadTicks: source.spreadTicks, contextLimit: MAX_MODEL_LEN, ...(limit === undefined ? {} : { limit }) }
    workloads.set(name, (await readTrace(found[0], options)).workload)
  }
  return { workloads, real: folder !== null }
}

function filesIn(folder: string, depth: number): string[] {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw new UserError({
      where: `--traces ${folder}`,
      message: 'is not a folder',
      hint: 'name the folder that holds the public traces',
    })
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name)
      return entry.isDirectory() ? (depth > 0 ? filesIn(path, depth - 1) : []) : [path]
    })
}

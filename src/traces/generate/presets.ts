/**
 * The shipped workloads: look-alikes that these generators drew from published statistics. They are not recordings; the provenance of each
 * says what it imitates. `buildPreset` draws one anew, `presetWorkload` reads the shipped file.
 */
import { stream } from '../../rng.js'
import { NS_PER_S } from '../../units.js'
import { shapesOnly, type Workload } from '../workload.js'
import { type Gaps, mmppGaps, poissonGaps } from './arrivals.js'
import { drawShape, type LengthTableName, lengthTable } from './lengths.js'

export const SHIPPED = ['chat', 'code', 'agent', 'mixed'] as const
export const PRESETS = [...SHIPPED, 'equal'] as const
export type PresetName = (typeof PRESETS)[number]

/** Longest input + output of a shipped request: the context that every shipped model serves. */
const LONGEST = 131_072
const SEED = 20231116

interface Part {
  readonly table: LengthTableName
  readonly count: number
  readonly gaps: (name: string) => Gaps
}

/** Rates and dwell times: two-state fits to the gaps of the Azure 2023 conversation trace; of its code trace, the on/off form of its bursts. */
const CHAT: Part = {
  table: 'chat',
  count: 10_000,
  gaps: (name) =>
    mmppGaps(stream(SEED, `${name}/arrivals`), [
      { ratePerS: 4.85, dwellS: 130.6 },
      { ratePerS: 7.02, dwellS: 70.1 },
    ]),
}
const CODE: Part = {
  table: 'code',
  count: 10_000,
  gaps: (name) =>
    mmppGaps(stream(SEED, `${name}/arrivals`), [
      { ratePerS: 0.156, dwellS: 37.2 },
      { ratePerS: 8.78, dwellS: 19.5 },
    ]),
}
/** Starts of coding-agent steps are not known across sessions: Poisson is an assumption. */
const AGENT: Part = { table: 'agent', count: 6000, gaps: (name) => poissonGaps(stream(SEED, `${name}/arrivals`), 2) }

const NOTES: Record<(typeof SHIPPED)[number], string> = {
  chat: 'look-alike drawn by our generator from published statistics of the Azure LLM inference trace 2023, conversation; not a recording',
  code: 'look-alike drawn by our generator from published statistics of the Azure LLM inference trace 2023, code completion; not a recording',
  agent:
    'look-alike drawn by our generator from published statistics of Claude Code sessions (kv-cache-tester), steps up to 131,072 tokens, Poisson arrivals assumed, no sessions and no prefix ids; not a recording',
  mixed: 'look-alike drawn by our generator: chat, code and agent streams merged; not a recording',
}

export function buildPreset(name: PresetName): Workload {
  if (name === 'equal') return equal()
  const parts =
    name === 'mixed'
      ? [
          { ...CHAT, count: 6000 },
          { ...CODE, count: 3000 },
          { ...AGENT, count: 2000 },
        ]
      : [{ chat: CHAT, code: CODE, agent: AGENT }[name]]
  const drawn = parts.map((part, classId) => drawPart(name === 'mixed' ? `mixed-${part.table}` : name, part, classId))
  // a merge ends when its shortest stream does, so that the mix is the same throughout
  const endNs = Math.min(...drawn.map((rows) => rows[rows.length - 1].timeNs))
  const rows = drawn.flat().filter((row) => row.timeNs <= endNs)
  rows.sort((a, b) => a.timeNs - b.timeNs || a.classId - b.classId)
  const workload = shapesOnly(
    Float64Array.from(rows, (row) => row.timeNs),
    Int32Array.from(rows, (row) => row.isl),
    Int32Array.from(rows, (row) => row.osl),
    { name, format: 'generated', note: NOTES[name], rowsRead: rows.length, rowsSkipped: 0 },
  )
  return name === 'mixed' ? { ...workload, classId: Uint16Array.from(rows, (row) => row.classId) } : workload
}

function drawPart(name: string, part: Part, classId: number) {
  const gaps = part.gaps(name)
  const shapes = stream(SEED, `${name}/shapes`)
  const table = lengthTable(part.table)
  let timeS = 0
  return Array.from({ length: part.count }, (_, i) => {
    if (i > 0) timeS += gaps()
    return { timeNs: Math.floor(timeS * NS_PER_S), ...drawShape(table, shapes, LONGEST), classId }
  })
}

export interface UniformLengths {
  readonly isl: number
  readonly osl: number
  /** Shortest length as a share of the nominal one, (0, 1]. */
  readonly spread: number
  readonly requests: number
}

/**
 * Lengths drawn evenly from [spread x nominal, nominal], both ends included: how serving benchmarks with random prompts load a system.
 * Arrivals (Poisson, 8 a second) matter only when the load is not a closed loop.
 */
export function uniformWorkload({ isl, osl, spread, requests }: UniformLengths, seed: number): Workload {
  const rng = stream(seed, 'uniform/lengths')
  const shortest = (nominal: number): number => Math.max(1, Math.floor(spread * nominal))
  const draw = (nominal: number): number => shortest(nominal) + rng.integer(nominal - shortest(nominal) + 1)
  const islColumn = new Int32Array(requests)
  const oslColumn = new Int32Array(requests)
  for (let i = 0; i < requests; i++) {
    islColumn[i] = draw(isl)
    oslColumn[i] = draw(osl)
  }
  return shapesOnly(poissonArrivals('uniform', requests, seed), islColumn, oslColumn, {
    name: 'uniform',
    format: 'generated',
    note: `${isl} input and ${osl} output tokens, each drawn evenly from ${spread} of that up to all of it; Poisson arrivals`,
    rowsRead: requests,
    rowsSkipped: 0,
  })
}

/** Poisson arrivals, 8 a second. */
function poissonArrivals(name: string, count: number, seed: number): Float64Array {
  const gaps = poissonGaps(stream(seed, `${name}/arrivals`), 8)
  const arrivalNs = new Float64Array(count)
  for (let i = 1, timeS = 0; i < count; i++) {
    timeS += gaps()
    arrivalNs[i] = Math.floor(timeS * NS_PER_S)
  }
  return arrivalNs
}

/** The control: nothing to be aware of. 1024 tokens in, 16 out, Poisson at 8 a second. */
function equal(): Workload {
  const count = 5000
  return shapesOnly(poissonArrivals('equal', count, SEED), new Int32Array(count).fill(1024), new Int32Array(count).fill(16), {
    name: 'equal',
    format: 'generated',
    note: 'control: 1024 input and 16 output tokens, always; Poisson arrivals',
    rowsRead: count,
    rowsSkipped: 0,
  })
}

/**
 * What is fixed before the first result: the question, the rule, the cells, the seeds and the constants of the machine, in one object with one hash. The
 * hash is committed; a run whose hash is another one says so and stops, so that nobody moves the goal after the shot, by accident least of all.
 */
import { createHash } from 'node:crypto'
import type { StepTables } from '../../timing/stepTimer.js'
import { BUDGETS } from '../families.js'
import { type Cell, LAYOUTS, primaryCell } from './cell.js'
import { allCells, EXPECTED } from './cells.js'
import { configOf, planOf } from './cluster.js'
import { CELL_EFFORTS } from './effort.js'
import { CLAIMED, NO_GAIN } from './verdict.js'

/** Seed of traffic and of every random number of the experiment. */
export const SEED = 20_261_125

export interface Protocol {
  readonly question: string
  readonly metric: string
  readonly baseline: string
  readonly rule: string
  readonly controls: string
  readonly seed: number
  readonly cells: number
  readonly cells_hash: string
  /** Of step tables and SM-level constants of every layout on both systems. */
  readonly constants_hash: string
}

const hashOf = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16)

/** The part of the protocol that needs no machine, in words and numbers. */
const WORDS = {
  question:
    'On the same requests, at the same load, limits and memory: does partitioning by request shape raise token generation speed by more than 20 % over static chunking?',
  metric:
    'tokens/s of the median user (1000 / TPOT) at fixed offered load, 0.7 of the capacity of the static arm; fixed concurrency and capacity at equal SLO beside it',
  baseline: `tuned-static: best of the grid of fixed counts, occupancy rule and k waves x rank x pool (where prompts are computed here x budget: ${BUDGETS.join(', ')} tokens a rank), tuned on the first 50 % of the trace, chosen on the next 20 %, judged on the last 30 %`,
  rule: `reproduced: lower 95 % bound of shape-aware / tuned-static >= ${CLAIMED}; refuted in this model: upper bound < ${CLAIMED}, said as "only against an untuned default" where the lower bound over the shipped occupancy rule >= ${CLAIMED}; both with Holm-adjusted p < 0.05 (signed rank, against ${CLAIMED}) over the 18 primary cells, else undecided; unstable where either arm is overloaded in more than a tenth of the replicates`,
  controls: `${Object.entries(EXPECTED)
    .map(([name, expected]) => `${name}: ${expected}`)
    .join('; ')}; zero means within ${NO_GAIN * 100} % of none`,
} as const

/** Cells are given so that a test can freeze fewer; the constants are those of every layout whatever the cells. */
export function protocolOf(cells: readonly Cell[] = allCells()): Protocol {
  return {
    ...WORDS,
    seed: SEED,
    cells: cells.length,
    cells_hash: hashOf([cells, CELL_EFFORTS]),
    constants_hash: constantsHash(),
  }
}

/** Step tables and split machines, as the simulator gets them. */
export function constantsHash(): string {
  const digest = createHash('sha256')
  const add = (tables: StepTables): void => {
    for (const value of Object.values(tables)) digest.update(value instanceof Float64Array ? value : JSON.stringify(value))
  }
  for (const layout of LAYOUTS)
    for (const system of ['gb200', 'gb300'] as const) {
      const cell: Cell = { ...primaryCell('azure-conv', layout), system, prompts: 'here' }
      for (const engine of configOf(planOf(cell, SEED), cell).engines.slice(0, 1)) {
        add(engine.tables)
        digest.update(JSON.stringify([engine.machine, engine.numGpuBlocks, engine.kvBytesPerToken]))
      }
    }
  return digest.digest('hex').slice(0, 16)
}

/** Names the answer of a cell: what it asks, on which traffic, with which constants and which code. */
export const cellKey = (cell: Cell, traceHash: string, constants: string, version: string): string =>
  hashOf([cell, CELL_EFFORTS[cell.effort], traceHash, constants, version, SEED])

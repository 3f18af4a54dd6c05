/** The entry of a thread that runs whole cells of the fair experiment, one at a time, on the traces it was started with. */
import { workerData } from 'piscina'
import type { Cell, TraceName } from '../experiments/claim/cell.js'
import type { CellResult } from '../experiments/claim/result.js'
import { runCell } from '../experiments/claim/runCell.js'
import type { Parts } from '../experiments/claim/traffic.js'
import { type Failure, failureOf } from './failure.js'

export interface CellWorkerData {
  readonly traces: Readonly<Partial<Record<TraceName, Parts>>>
  readonly seed: number
}

export type CellAnswer = { readonly result: CellResult } | { readonly failure: Failure }

const { traces, seed } = workerData as CellWorkerData

export default async function work(cell: Cell): Promise<CellAnswer> {
  try {
    return { result: await runCell(cell, traces[cell.trace] as Parts, seed) }
  } catch (error) {
    return { failure: failureOf(error) }
  }
}

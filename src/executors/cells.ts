/** Cells of the fair experiment, in this thread or in worker threads: a cell is one task, so that threads never wait for each other. */
import type { Cell } from '../experiments/claim/cell.js'
import type { CellResult } from '../experiments/claim/result.js'
import { runCell } from '../experiments/claim/runCell.js'
import type { Parts } from '../experiments/claim/traffic.js'
import type { CellAnswer, CellWorkerData } from './cellWorker.js'
import { errorAt, failureOf } from './failure.js'
import { startPool } from './pool.js'

export interface CellPool {
  /** Rejects with the cell named; with an AbortError when `signal` is aborted. */
  run(cell: Cell): Promise<CellResult>
  close(): Promise<void>
}

export function createCellPool(data: CellWorkerData, threads: number, signal?: AbortSignal): CellPool {
  if (threads <= 1) {
    return {
      async run(cell) {
        try {
          return await runCell(cell, data.traces[cell.trace] as Parts, data.seed, signal)
        } catch (error) {
          throw errorAt(failureOf(error), placeOf(cell))
        }
      },
      close: async () => {},
    }
  }
  const pool = startPool(new URL('./cellWorker.js', import.meta.url), threads, data)
  return {
    async run(cell) {
      const answer = await pool.run<CellAnswer>(cell, signal)
      if ('failure' in answer) throw errorAt(answer.failure, placeOf(cell))
      return answer.result
    },
    close: () => pool.close(),
  }
}

const placeOf = ({ id }: Cell): string => `cell ${id}`

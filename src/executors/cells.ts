/** Cells of the fair experiment, in this thread or in worker threads: a cell is one task, so that threads never wait for each other. */
import { fileURLToPath } from 'node:url'
import { Piscina } from 'piscina'
import { type Fault, UserError } from '../errors.js'
import type { Cell } from '../experiments/claim/cell.js'
import type { CellResult } from '../experiments/claim/result.js'
import { runCell } from '../experiments/claim/runCell.js'
import type { Parts } from '../experiments/claim/traffic.js'
import type { CellAnswer, CellWorkerData } from './cellWorker.js'
import { type Failure, failureOf } from './failure.js'

export interface CellPool {
  /** Rejects with the cell named; with an AbortError when `signal` is aborted. */
  run(cell: Cell): Promise<CellResult>
  close(): Promise<void>
}

export function createCellPool(data: CellWorkerData, threads: number, signal?: AbortSignal): CellPool {
  if (threads <= 1) {
    return {
      run: (cell) =>
        runCell(cell, data.traces[cell.trace] as Parts, data.seed, signal).catch((error) =>
          Promise.reject(named(failureOf(error), cell)),
        ),
      close: async () => {},
    }
  }
  const pool = new Piscina({
    filename: fileURLToPath(new URL('./cellWorker.js', import.meta.url)),
    minThreads: threads,
    maxThreads: threads,
    workerData: data,
    idleTimeout: Number.MAX_SAFE_INTEGER,
  })
  return {
    async run(cell) {
      const answer: CellAnswer = await pool.run(cell, { signal })
      if ('result' in answer) return answer.result
      throw named(answer.failure, cell)
    },
    close: () => pool.destroy(),
  }
}

/** The failure again, of the same kind, with the cell in its words. */
function named({ name, message, frames, faults }: Failure, cell: Cell): Error {
  if (name === 'UserError')
    return new UserError(faults.map((fault: Fault) => ({ ...fault, where: `cell ${cell.id}: ${fault.where}` })))
  const error = new Error(`cell ${cell.id}: ${message}`)
  error.name = name
  error.stack = `${error.name}: ${error.message}\n${frames}`
  return error
}

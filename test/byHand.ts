/** Engines and traffic for tests that follow a simulation by hand. */
import { type EngineConfig, PLAIN_ENGINE } from '../src/simulator/config.js'
import { HOST_ALONE, SMALL_MACHINE, stepTables, type TableShape } from '../src/testing/tables.js'
import { shapesOnly, type Workload } from '../src/traces/workload.js'
import { NS_PER_S, PS_PER_NS } from '../src/units.js'

/** Every step takes as long, whatever is in it. */
export const evenSteps = (stepNs: number): TableShape => ({ ...HOST_ALONE, hostPs: stepNs * PS_PER_NS })

type Limits = 'maxNumSeqs' | 'maxNumBatchedTokens' | 'maxModelLen' | 'numGpuBlocks'

/** An engine whose steps cost what `prices` says, in blocks of 16 tokens; of one rank where `parts` names no others. */
export function engineOf(prices: TableShape, parts: Pick<EngineConfig, Limits> & Partial<EngineConfig>): EngineConfig {
  const { ranks = 1, maxNumSeqs, maxNumBatchedTokens, maxModelLen } = parts
  const size = { ranks, maxTokens: maxNumBatchedTokens, maxSequences: maxNumSeqs, maxLength: maxModelLen }
  const tables = stepTables(size, prices)
  return { ...PLAIN_ENGINE, name: 'engine', ranks, gpus: ranks, blockSize: 16, tables, machine: SMALL_MACHINE, ...parts }
}

/** Requests that wait for nobody, in order of arrival. */
export const traffic = (atNs: Iterable<number>, isl: Iterable<number>, osl: Iterable<number>): Workload =>
  shapesOnly(Float64Array.from(atNs), Int32Array.from(isl), Int32Array.from(osl), {
    name: 'by hand',
    format: 'generated',
    note: 'For tests.',
    rowsRead: 0,
    rowsSkipped: 0,
  })

/** Sessions one after the other, each of so many turns, every turn `waitS` after the answer before it. */
export function chainsOf(turns: readonly number[], waitS: number): Workload {
  const place = turns.flatMap((count) => Array.from({ length: count }, (_, turn) => turn))
  const session = turns.flatMap((count, s) => new Array<number>(count).fill(s))
  return {
    ...traffic(
      place.map((turn, i) => (turn === 0 ? session[i] * 5 * NS_PER_S : Number.NaN)),
      place.map((turn) => 30 + turn),
      place.map(() => 5),
    ),
    session: Int32Array.from(session),
    parent: Int32Array.from(place, (turn, i) => (turn === 0 ? -1 : i - 1)),
    waitNs: Float64Array.from(place, (turn) => (turn === 0 ? 0 : waitS * NS_PER_S)),
  }
}

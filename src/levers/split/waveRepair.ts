import { SPLIT_COUNT, SPLIT_LAUNCHES, type SplitBatch, type SplitPolicy } from '../lever.js'
import { createSplitDecision } from './decision.js'
import { splitInfo } from './info.js'
import type { SplitMachine } from './machine.js'
import { createSplitModel, occupancyCount, type SplitModel } from './model.js'
import { perMachine } from './perMachine.js'
import { tilesOf } from './pieces.js'

/** Rows of the table to an octave of length. */
const ROWS_PER_OCTAVE = 2

interface Table {
  readonly machine: SplitMachine
  readonly model: SplitModel
  /** Requests in the first of two launches, 0 = one launch; by number of sequences, then by row of length. */
  readonly first: Map<number, number>
}

/**
 * The shipped rule, in two launches where a table says that equal lengths are served faster so: 38 sequences of 4 pieces on 148 slots
 * leave 4 pieces for a second wave, and 14 + 24 with more pieces each do not. The table knows the number of sequences and the longest length alone.
 */
export function waveRepair(): SplitPolicy {
  const tableOf = perMachine((machine, room): Table => ({ machine, model: createSplitModel(machine, room), first: new Map() }))
  return {
    info: splitInfo({
      name: 'wave-repair',
      shapeAware: false,
      inputs: ['sequences', 'longest length'],
      complexity: 'O(1), from a table that is made once',
      wins: 'equal lengths just above a full wave',
      loses: 'mixed lengths, of which its table knows nothing; a second launch and merge',
      source: 'batch split by lookup table in FlashInfer for MLA',
    }),
    planningPs: 0,
    plan(batch, machine, out) {
      const longest = batch.lengths[batch.n - 1]
      const first = firstLaunch(tableOf(machine, batch.n), batch.n, tilesOf(longest, machine))
      out.longestFirst = false
      if (first === 0) {
        out.kind = SPLIT_COUNT
        out.value = occupancyCount(batch.n, longest, machine)
        return
      }
      out.kind = SPLIT_LAUNCHES
      out.value = 2
      out.launches = 2
      const counts = [occupancyCount(first, longest, machine), occupancyCount(batch.n - first, longest, machine)]
      // who is in which launch is a matter of arrival, that is of no length: every so manieth of the sorted ones
      for (let i = 0; i < batch.n; i++) {
        const launch = Math.floor(((i + 1) * first) / batch.n) > Math.floor((i * first) / batch.n) ? 0 : 1
        out.launchOf[i] = launch
        out.pieces[i] = counts[launch]
      }
    },
  }
}

function firstLaunch(table: Table, n: number, longestTiles: number): number {
  const row = Math.round(ROWS_PER_OCTAVE * Math.log2(longestTiles))
  const key = 1024 * n + row
  const known = table.first.get(key)
  if (known !== undefined) return known
  const { machine, model } = table
  const length = Math.round(2 ** (row / ROWS_PER_OCTAVE)) * machine.tileTokens
  const equal: SplitBatch = { n: 0, lengths: new Float64Array(n).fill(length), totalTokens: 0 }
  const decision = createSplitDecision(0)
  const timeNs = (sequences: number): number => {
    equal.n = sequences
    equal.totalTokens = sequences * length
    model.load(equal)
    return model.timeNs(SPLIT_COUNT, occupancyCount(sequences, length, machine), false, decision)
  }
  let first = 0
  let best = timeNs(n)
  for (let m = 1; 2 * m <= n; m++) {
    const both = timeNs(m) + timeNs(n - m)
    if (both < best) {
      best = both
      first = m
    }
  }
  table.first.set(key, first)
  return first
}

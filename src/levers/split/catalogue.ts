/** The policies of the split lever by name. */
import type { Entry, Parameter } from '../entry.js'
import type { SplitPolicy } from '../lever.js'
import { averageLoad } from './averageLoad.js'
import { fixedCount } from './fixedCount.js'
import { fixedSize } from './fixedSize.js'
import { gated } from './gated.js'
import { orderParameter } from './info.js'
import { kWaves } from './kWaves.js'
import { lengthAware } from './lengthAware.js'
import { occupancyRule } from './occupancyRule.js'
import { oracleFloor } from './oracleFloor.js'
import { oracleSplit } from './oracleSplit.js'
import { oversubscribe } from './oversubscribe.js'
import { payloadRanges } from './payloadRanges.js'
import { randomCount } from './randomCount.js'
import { residentChunk } from './residentChunk.js'
import { sortedGroups } from './sortedGroups.js'
import { sqrtBudget } from './sqrtBudget.js'
import { waveEfficiency } from './waveEfficiency.js'
import { waveRepair } from './waveRepair.js'

const TOKENS: Parameter = { name: 'tokens', unit: 'tokens', whole: true, min: 1, max: 2 ** 20 }
const SCALE = { unit: 'times the true constant', named: true, min: 0.05, max: 20, otherwise: 1 }
const PIECES = { unit: 'pieces', whole: true, min: 1, max: 512 }
const ARRIVAL = orderParameter('arrival')

export const SPLIT_ENTRIES: readonly Entry<SplitPolicy>[] = [
  {
    name: 'fixed-count',
    parameters: [{ ...PIECES, name: 'count' }, ARRIVAL],
    example: [8, 0],
    make: ([count, order]) => fixedCount(count, order === 1),
  },
  { name: 'occupancy-rule', parameters: [ARRIVAL], example: [0], make: ([order]) => occupancyRule(order === 1) },
  {
    name: 'k-waves',
    parameters: [{ name: 'waves', unit: 'waves', min: 0.01, max: 64 }, ARRIVAL],
    example: [2, 0],
    make: ([waves, order]) => kWaves(waves, order === 1),
  },
  { name: 'wave-efficiency', parameters: [ARRIVAL], example: [0], make: ([order]) => waveEfficiency(order === 1) },
  {
    name: 'fixed-size',
    parameters: [TOKENS, ARRIVAL],
    example: [4096, 0],
    make: ([tokens, order]) => fixedSize(tokens, order === 1),
  },
  { name: 'resident-chunk', parameters: [ARRIVAL], example: [0], make: ([order]) => residentChunk(order === 1) },
  {
    name: 'payload',
    parameters: [{ ...TOKENS, name: 'overhead', otherwise: 320 }],
    example: [320],
    make: ([overhead]) => payloadRanges(overhead),
  },
  {
    name: 'average-load',
    parameters: [{ ...PIECES, name: 'max', named: true, otherwise: 128 }, orderParameter('longest-first')],
    example: [128, 1],
    make: ([max, order]) => averageLoad(max, order === 1),
  },
  {
    name: 'sqrt-budget',
    parameters: [{ name: 'scale', unit: 'times the budget', named: true, min: 0.01, max: 100, otherwise: 1 }, ARRIVAL],
    example: [1, 0],
    make: ([scale, order]) => sqrtBudget(scale, order === 1),
  },
  {
    name: 'sorted-groups',
    parameters: [{ name: 'groups', unit: 'launches', whole: true, min: 2, max: 8 }],
    example: [3],
    make: ([groups]) => sortedGroups(groups),
  },
  {
    name: 'oversubscribe',
    parameters: [
      { name: 'waves', unit: 'waves', named: true, min: 0.01, max: 64, otherwise: 4 },
      { ...TOKENS, named: true, otherwise: 256 },
      { ...PIECES, name: 'max', named: true, otherwise: 64 },
    ],
    example: [4, 256, 64],
    make: ([waves, tokens, max]) => oversubscribe({ waves, tokens, max }),
  },
  { name: 'wave-repair', parameters: [], example: [], make: () => waveRepair() },
  {
    name: 'gated',
    parameters: [{ name: 'percent', unit: '% of predicted gain', min: 0, max: 100, otherwise: 5 }],
    example: [5],
    make: ([percent]) => gated(percent),
  },
  {
    name: 'length-aware',
    parameters: [
      { ...SCALE, name: 'b' },
      { ...SCALE, name: 'o' },
    ],
    example: [1, 1],
    make: ([b, o]) => lengthAware({ b, o }),
  },
  { name: 'oracle-floor', parameters: [], example: [], make: () => oracleFloor() },
  {
    name: 'random-count',
    parameters: [{ name: 'most', unit: 'pieces', whole: true, min: 1, max: 512 }],
    example: [32],
    make: ([most]) => randomCount(most),
  },
  { name: 'oracle-split', parameters: [], example: [], make: () => oracleSplit() },
]

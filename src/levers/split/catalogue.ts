/** The policies of the split lever by name. */
import type { Entry, Parameter } from '../entry.js'
import type { SplitPolicy } from '../lever.js'
import { fixedCount } from './fixedCount.js'
import { fixedSize } from './fixedSize.js'
import { kWaves } from './kWaves.js'
import { lengthAware } from './lengthAware.js'
import { occupancyRule } from './occupancyRule.js'
import { oracleFloor } from './oracleFloor.js'
import { oracleSplit } from './oracleSplit.js'

const TOKENS: Parameter = { name: 'tokens', unit: 'tokens', whole: true, min: 1, max: 2 ** 20 }
const SCALE = { unit: 'times the true constant', named: true, min: 0.05, max: 20, otherwise: 1 }

export const SPLIT_ENTRIES: readonly Entry<SplitPolicy>[] = [
  {
    name: 'fixed-count',
    parameters: [{ name: 'count', unit: 'pieces', whole: true, min: 1, max: 512 }],
    example: [8],
    make: ([count]) => fixedCount(count),
  },
  { name: 'occupancy-rule', parameters: [], example: [], make: () => occupancyRule() },
  {
    name: 'k-waves',
    parameters: [{ name: 'waves', unit: 'waves', min: 0.01, max: 64 }],
    example: [2],
    make: ([waves]) => kWaves(waves),
  },
  { name: 'fixed-size', parameters: [TOKENS], example: [4096], make: ([tokens]) => fixedSize(tokens) },
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
  { name: 'oracle-split', parameters: [], example: [], make: () => oracleSplit() },
]

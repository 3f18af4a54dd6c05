/** The policies of the chunk lever by name. */
import type { Entry, Parameter } from '../entry.js'
import type { ChunkPolicy } from '../lever.js'
import { aligned } from './aligned.js'
import { equalTime } from './equalTime.js'
import { fixedBudget } from './fixedBudget.js'
import { slack } from './slack.js'

const TOKENS: Parameter = { name: 'tokens', unit: 'tokens', whole: true, min: 1, max: 2 ** 20 }

export const CHUNK_ENTRIES: readonly Entry<ChunkPolicy>[] = [
  { name: 'fixed-budget', parameters: [TOKENS], example: [2048], make: ([tokens]) => fixedBudget(tokens) },
  {
    name: 'equal-time',
    parameters: [{ name: 'ms', unit: 'ms', min: 0.001, max: 1e4 }],
    example: [40],
    make: ([ms]) => equalTime(ms),
  },
  {
    name: 'slack',
    parameters: [
      { name: 'pace', unit: 'ms a token', min: 0.001, max: 1e4 },
      { name: 'cap', unit: 'ms', named: true, min: 0.001, max: 1e4, otherwise: 400 },
    ],
    example: [40, 400],
    make: ([pace, cap]) => slack({ pace, cap }),
  },
  {
    name: 'aligned',
    parameters: [
      TOKENS,
      { name: 'wait', unit: 'steps', named: true, whole: true, min: 0, max: 1e6, otherwise: 50 },
      { name: 'batch', unit: 'steps', named: true, whole: true, min: 0, max: 1e6, otherwise: 10 },
      { name: 'share', unit: 'of the ranks', named: true, min: 0.01, max: 1, otherwise: 1 },
    ],
    example: [2048, 50, 10, 1],
    make: ([tokens, wait, batch, share]) => aligned({ tokens, wait, batch, share }),
  },
]

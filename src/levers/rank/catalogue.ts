/** The policies of the rank lever by name. */
import type { Entry, Parameter } from '../entry.js'
import type { RankPolicy } from '../lever.js'
import { ENGINE_PLACES } from '../perEngine.js'
import { barrier } from './barrier.js'
import { KV_AWARE, kvAdaptiveRank, kvAwareRank } from './kvAware.js'
import { leastCost, leastKvTokens, leastRequests } from './least.js'
import { lpt } from './lpt.js'
import { type MigrationOptions, migrating } from './migrating.js'
import { oracleRank } from './oracleRank.js'
import { random } from './random.js'
import { roundRobin } from './roundRobin.js'

/** Cost of a sequence beside its KV: 5000 tokens follow from DeepSeek-R1 on 32 ranks. */
const WEIGHT: Parameter = { name: 'weight', unit: 'tokens', min: 0, max: 1e6, otherwise: 5000 }
const MOVES = {
  name: 'migrate',
  says: 'says when sequences move, and without migrate= none does',
  remedy: 'add migrate=0.2: ranks are uneven from 20 % above the mean on',
}
const MIGRATION: readonly Parameter[] = [
  { name: 'migrate', unit: 'of the mean', named: true, min: 0, max: 100, otherwise: 0 },
  { name: 'steps', unit: 'steps', named: true, whole: true, min: 1, max: 1e6, otherwise: 8, beside: MOVES },
  { name: 'dwell', unit: 'steps', named: true, whole: true, min: 1, max: 1e6, otherwise: 64, beside: MOVES },
]

const optionsOf = (weight: number, [migrate, steps, dwell]: readonly number[]): MigrationOptions => ({
  migrate,
  steps,
  dwell,
  weight,
})

export const RANK_ENTRIES: readonly Entry<RankPolicy>[] = [
  {
    name: 'round-robin',
    parameters: MIGRATION,
    example: [0, 8, 64],
    make: (values) => migrating(roundRobin, ENGINE_PLACES, optionsOf(5000, values)),
  },
  {
    name: 'least-requests',
    parameters: MIGRATION,
    example: [0, 8, 64],
    make: (values) => migrating(leastRequests, 0, optionsOf(5000, values)),
  },
  {
    name: 'least-kv-tokens',
    parameters: MIGRATION,
    example: [0, 8, 64],
    make: (values) => migrating(leastKvTokens, 0, optionsOf(0, values)),
  },
  {
    name: 'least-cost',
    parameters: [WEIGHT, ...MIGRATION],
    example: [5000, 0, 8, 64],
    make: ([weight, ...values]) => migrating(() => leastCost(weight), 0, optionsOf(weight, values)),
  },
  {
    name: 'kv-aware',
    parameters: KV_AWARE,
    example: [1, 0, 0],
    make: ([w, age, temperature], run) => kvAwareRank({ w, age, temperature }, run),
  },
  {
    name: 'kv-adaptive',
    parameters: KV_AWARE.slice(1),
    example: [0, 0],
    make: ([age, temperature], run) => kvAdaptiveRank({ age, temperature }, run),
  },
  { name: 'random', parameters: [], example: [], make: (_, run) => random(run) },
  { name: 'lpt', parameters: [], example: [], make: () => lpt() },
  {
    name: 'barrier',
    parameters: [
      { name: 'horizon', unit: 'steps', whole: true, min: 1, max: 4096 },
      { ...WEIGHT, name: 'w', named: true },
    ],
    example: [40, 5000],
    make: ([horizon, w]) => barrier(horizon, w),
  },
  { name: 'oracle-rank', parameters: [{ ...WEIGHT, name: 'w', named: true }], example: [5000], make: ([w]) => oracleRank(w) },
]

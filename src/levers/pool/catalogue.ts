/** The policies of the pool lever by name. */
import type { Entry, Parameter } from '../entry.js'
import type { PoolPolicy } from '../lever.js'
import { KV_AWARE, kvAdaptivePool, kvAwarePool } from '../rank/kvAware.js'
import { adaptiveRoles } from './adaptiveRoles.js'
import { equalLanes, lanes } from './lanes.js'
import { leastLoaded, roundRobin } from './policies.js'

const CUT = { unit: 'input tokens', whole: true, min: 0, max: 2 ** 24, otherwise: 0 }
const SPILL: Parameter = { name: 'spill', unit: '% hotter', named: true, min: 0, max: 1e6, otherwise: 25 }

export const POOL_ENTRIES: readonly Entry<PoolPolicy>[] = [
  { name: 'round-robin', parameters: [], example: [], make: () => roundRobin() },
  { name: 'least-loaded', parameters: [], example: [], make: () => leastLoaded() },
  {
    name: 'kv-aware',
    parameters: KV_AWARE,
    example: [1, 0, 0],
    make: ([w, age, temperature], run) => kvAwarePool({ w, age, temperature }, run),
  },
  {
    name: 'kv-adaptive',
    parameters: KV_AWARE.slice(1),
    example: [0, 0],
    make: ([age, temperature], run) => kvAdaptivePool({ age, temperature }, run),
  },
  {
    name: 'adaptive-roles',
    parameters: [
      { name: 'dwell', unit: 's', named: true, min: 0, max: 1e6, otherwise: 30 },
      { name: 'memory', unit: 's', named: true, min: 0.001, max: 1e6, otherwise: 60 },
      { name: 'hysteresis', unit: 'engines', named: true, min: 0, max: 100, otherwise: 0.5 },
    ],
    example: [30, 60, 0.5],
    make: ([dwell, memory, hysteresis]) => adaptiveRoles({ dwell, memory, hysteresis }),
  },
  {
    name: 'lanes',
    parameters: [
      { ...CUT, name: 'cut', min: 1, otherwise: undefined },
      { ...CUT, name: 'second' },
      { ...CUT, name: 'third' },
      SPILL,
    ],
    example: [8192, 0, 0, 25],
    make: ([cut, second, third, spill]) => lanes([cut, second, third], spill),
  },
  {
    name: 'equal-lanes',
    parameters: [{ name: 'count', unit: 'lanes', whole: true, min: 2, max: 16 }, SPILL],
    example: [2, 25],
    make: ([count, spill]) => equalLanes(count, spill),
  },
]

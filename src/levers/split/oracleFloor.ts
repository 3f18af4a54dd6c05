import { SPLIT_COUNT, type SplitPolicy } from '../lever.js'
import { floorNs } from './model.js'

/**
 * The lowest rung of the oracle ladder: every kernel takes its floor, whatever the lengths, with no planning. No decision can have this time; the one
 * that `plan` fills in (never split) is not priced.
 */
export function oracleFloor(): SplitPolicy {
  return {
    info: {
      lever: 'split',
      name: 'oracle-floor',
      shapeAware: true,
      hooks: ['plan'],
      inputs: ['KV length of every sequence'],
      signalAge: 'now',
      complexity: 'O(n)',
      oracle: true,
      wins: 'a bound for every split policy and for oracle-split: all bytes of the batch at the full rate',
      loses: 'no kernel reaches it: it has no idle slots, no merges and one CTA per request and head group at most',
      source: 'bytes over bandwidth (LAW-12)',
    },
    planningPs: 0,
    plan(_batch, _machine, out) {
      out.kind = SPLIT_COUNT
      out.value = 1
      out.longestFirst = true
    },
    priceNs: (batch, machine) => floorNs(batch, machine),
  }
}

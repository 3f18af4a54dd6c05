import { SPLIT_LAUNCHES, type SplitPolicy } from '../lever.js'
import { nameOf, splitInfo } from './info.js'
import { occupancyCount } from './model.js'
import { devicePlanPs, sortPs } from './planning.js'

/** Page tables and queries are gathered into sorted order. */
const GATHER_NS_PER_SEQUENCE = 10

/** Requests sorted by length in `groups` launches of about equally many, each with the shipped rule's own count. `groups` in [2, 8]. */
export function sortedGroups(groups: number): SplitPolicy {
  return {
    info: splitInfo({
      name: nameOf('sorted-groups', [groups]),
      shapeAware: true,
      inputs: ['KV length of every sequence'],
      complexity: 'O(n log n)',
      wins: 'mixed lengths where the kernel knows one count per launch',
      loses:
        'near-equal lengths and large batches: every launch costs its start, drains and merges on its own; the sign changes with the batch size',
      source: 'length-sorted groups of SGLang on GB300',
    }),
    planningPs: (n) => devicePlanPs(n, GATHER_NS_PER_SEQUENCE) + sortPs(n),
    plan(batch, machine, out) {
      const launches = Math.min(groups, batch.n)
      out.kind = SPLIT_LAUNCHES
      out.value = launches
      out.launches = launches
      out.longestFirst = true
      for (let launch = 0, from = 0; launch < launches; launch++) {
        const to = Math.floor(((launch + 1) * batch.n) / launches)
        const count = occupancyCount(to - from, batch.lengths[to - 1], machine)
        for (; from < to; from++) {
          out.launchOf[from] = launch
          out.pieces[from] = count
        }
      }
    },
  }
}

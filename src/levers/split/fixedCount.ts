import { SPLIT_COUNT, type SplitPolicy } from '../lever.js'

/** Every request in the same number of pieces, whatever its length: the literal "fixed number of chunks". `count` in [1, 512]. */
export function fixedCount(count: number): SplitPolicy {
  return {
    info: {
      lever: 'split',
      name: `fixed-count(${count})`,
      shapeAware: false,
      hooks: ['plan'],
      inputs: [],
      signalAge: 'now',
      complexity: 'O(1)',
      wins: 'equal lengths, when count = slots / (sequences x head groups)',
      loses: 'mixed lengths: too many pieces of short requests, too few of long ones',
      source: 'Triton decode kernels with a constant number of KV splits',
    },
    planningPs: 0,
    plan(_batch, _machine, out) {
      out.kind = SPLIT_COUNT
      out.value = count
      out.longestFirst = false
    },
  }
}

import { SPLIT_COUNT, type SplitBatch, type SplitDecision, type SplitPolicy } from '../lever.js'
import { averageLoad } from './averageLoad.js'
import { nameOf, splitInfo } from './info.js'
import type { SplitMachine } from './machine.js'
import { createSplitModel, occupancyCount } from './model.js'
import { payloadRanges } from './payloadRanges.js'
import { perMachine } from './perMachine.js'
import { devicePlanPs, sortPs } from './planning.js'
import { waveRepair } from './waveRepair.js'

/** Lengths are near-equal while the longest is at most so many times the mean. */
const NEAR_EQUAL = 1.25
/** Features: a sum and a maximum over the lengths. */
const PLAN_NS_PER_SEQUENCE = 10

/**
 * Chooses a kernel by features of the batch, and keeps the shipped rule unless the choice is predicted to gain at least `percent` %:
 * near-equal lengths may get a second launch; up to one sequence and head group per slot, ranges of equal payload; beyond, average-load.
 */
export function gated(percent: number): SplitPolicy {
  const equal = waveRepair()
  const ragged = payloadRanges(320)
  const crowded = averageLoad(128)
  const modelOf = perMachine(createSplitModel)

  return {
    info: splitInfo({
      name: nameOf('gated', [percent]),
      shapeAware: true,
      inputs: ['KV length of every sequence'],
      complexity: 'O(n log n)',
      wins: 'admits a better kernel where it helps and is the shipped rule elsewhere',
      loses: 'what its three kernels leave to a cost model; planning is paid whether or not the choice is admitted',
      source:
        'gated kernel selection of PrimsTS (admitted 1.2-4.2x, rejected 1.00x); regressions of ungated kernels in TensorRT-LLM',
    }),
    planningPs: (n) => devicePlanPs(n, PLAN_NS_PER_SEQUENCE) + sortPs(n),
    plan(batch, machine, out) {
      choose(batch, machine).plan(batch, machine, out)
      const model = modelOf(machine, batch.n)
      model.load(batch)
      const count = occupancyCount(batch.n, batch.lengths[batch.n - 1], machine)
      const chosenNs = model.timeNs(out.kind, out.value, out.longestFirst, out)
      if (model.timeNs(SPLIT_COUNT, count, false, out) >= chosenNs * (1 + percent / 100)) return
      shipped(count, out)
    },
  }

  function choose(batch: SplitBatch, machine: SplitMachine): SplitPolicy {
    if (batch.lengths[batch.n - 1] * batch.n <= NEAR_EQUAL * batch.totalTokens) return equal
    return batch.n * machine.headGroups <= machine.slots ? ragged : crowded
  }
}

function shipped(count: number, out: SplitDecision): void {
  out.kind = SPLIT_COUNT
  out.value = count
  out.longestFirst = false
}

/**
 * The SM-level model of one decode attention kernel, in the fast form that the simulator uses: launch + makespan + merge, in ns.
 * Read pieces.ts and cuts.ts (how requests are cut), makespan.ts (how long the pieces take), then this file; exact.ts is the oracle.
 */
import { SPLIT_COUNT, SPLIT_LAUNCHES, type SplitBatch, type SplitDecision, type SplitKind, type SplitPolicy } from '../lever.js'
import { createCuts } from './cuts.js'
import { createSplitDecision } from './decision.js'
import type { SplitMachine } from './machine.js'
import { fastMakespanNs } from './makespan.js'
import { mergeNs, overheadBytes, tileBytes } from './pieces.js'

export interface SplitModel {
  /** Counts the tiles of a batch; the calls below speak of this batch until the next `load`. */
  load(batch: SplitBatch): void
  /** Kernel time of the loaded batch, ns. `decision` gives what kind and value do not: counts per request, and launches. */
  timeNs(kind: SplitKind, value: number, longestFirst: boolean, decision: SplitDecision): number
}

export interface SplitEvaluator {
  /** Time of the policy's decision on the actual lengths over time of the occupancy rule on as many sequences of the mean length. */
  factor(policy: SplitPolicy, batch: SplitBatch): number
  /** Kernel time of a decision, ns (fast form). */
  attentionNs(batch: SplitBatch, decision: SplitDecision): number
}

/** Pieces per request of the shipped occupancy rule: fill the slots once, two tiles a piece or more (of an odd number the last has one), one count for all. */
export function occupancyCount(sequences: number, longestTokens: number, machine: SplitMachine): number {
  const byLength = Math.ceil(longestTokens / (2 * machine.tileTokens))
  const bySlots = Math.floor(machine.slots / (sequences * machine.headGroups))
  return Math.max(1, Math.min(byLength, bySlots))
}

/** No schedule beats it: all bytes at full bandwidth plus the launch, ns; at least one CTA per head group and request. */
export function floorNs(batch: SplitBatch, machine: SplitMachine): number {
  const rate = Math.min(machine.bandwidth, machine.ctaBandwidth * machine.slots)
  let tiles = 0
  for (let i = 0; i < batch.n; i++) tiles += Math.max(1, Math.ceil(batch.lengths[i] / machine.tileTokens))
  const bytes = machine.headGroups * (tiles * tileBytes(machine) + batch.n * overheadBytes(machine))
  return machine.launchNs + bytes / rate
}

/** Graham's bound of a launch, ns: W / R + longest piece / b; merge and launch come on top. */
export function grahamNs(totalBytes: number, longestBytes: number, machine: SplitMachine): number {
  const rate = Math.min(machine.bandwidth, machine.ctaBandwidth * machine.slots)
  return totalBytes / rate + longestBytes / machine.ctaBandwidth
}

/** The fast form of the SM-level model, for batches of at most `maxSequences`. */
export function createSplitModel(machine: SplitMachine, maxSequences: number): SplitModel {
  const cuts = createCuts(machine, maxSequences)
  const launchNs = (longestFirst: boolean): number =>
    machine.launchNs + fastMakespanNs(cuts.sizes, longestFirst, machine) + mergeNs(cuts.largest, cuts.split, machine)
  return {
    load: (batch) => cuts.load(batch),
    timeNs(kind, value, longestFirst, decision) {
      const launches = kind === SPLIT_LAUNCHES ? decision.launches : 1
      let timeNs = 0
      for (let launch = 0; launch < launches; launch++) {
        cuts.cut(kind, value, decision, launch)
        if (cuts.sizes.groups > 0) timeNs += launchNs(longestFirst)
      }
      return timeNs
    },
  }
}

/** Prices decisions with the fast form, for batches of at most `maxSequences`; times of equal lengths are kept. */
export function createSplitEvaluator(machine: SplitMachine, maxSequences: number): SplitEvaluator {
  const model = createSplitModel(machine, maxSequences)
  const decision = createSplitDecision(maxSequences)
  const equal: SplitBatch = { n: 0, lengths: new Float64Array(maxSequences), totalTokens: 0 }
  const { mostTokens = Number.POSITIVE_INFINITY } = machine
  const chosen: SplitBatch = { n: 0, lengths: new Float64Array(maxSequences), totalTokens: 0 }
  /** Times of equal lengths by number of sequences, then by tiles. */
  const equalNs: Map<number, number>[] = []

  function equalTimeNs(n: number, mean: number): number {
    equalNs[n] ??= new Map()
    const known = equalNs[n]
    const tiles = Math.ceil(mean / machine.tileTokens)
    let timeNs = known.get(tiles)
    if (timeNs === undefined) {
      equal.n = n
      equal.lengths.fill(tiles * machine.tileTokens, 0, n)
      model.load(equal)
      timeNs = model.timeNs(SPLIT_COUNT, occupancyCount(n, tiles * machine.tileTokens, machine), false, decision)
      known.set(tiles, timeNs)
    }
    return timeNs
  }

  /** The batch as the kernel reads it: long contexts are alike where an indexer chooses as many tokens of each. */
  function readOf(batch: SplitBatch): SplitBatch {
    const { n, lengths } = batch
    if (lengths[n - 1] <= mostTokens) return batch
    chosen.n = n
    chosen.totalTokens = 0
    for (let i = 0; i < n; i++) {
      chosen.lengths[i] = Math.min(lengths[i], mostTokens)
      chosen.totalTokens += chosen.lengths[i]
    }
    return chosen
  }

  return {
    factor(policy, whole) {
      const batch = readOf(whole)
      const reference = equalTimeNs(whole.n, Math.min(mostTokens, Math.ceil(whole.totalTokens / whole.n)))
      policy.plan(batch, machine, decision)
      if (policy.priceNs !== undefined) return policy.priceNs(batch, machine, decision) / reference
      model.load(batch)
      return model.timeNs(decision.kind, decision.value, decision.longestFirst, decision) / reference
    },
    attentionNs(batch, given) {
      model.load(readOf(batch))
      return model.timeNs(given.kind, given.value, given.longestFirst, given)
    },
  }
}

/** Single launches of a decode attention kernel, timed by the exact form of the SM-level model (levers/split/exact.ts). */
import {
  createSplitDecision,
  type ExactMachine,
  exactAttentionNs,
  parsePolicy,
  type SplitBatch,
  type SplitPolicy,
} from '../../levers/index.js'
import { PS_PER_NS } from '../../units.js'

/** A batch as a kernel gets it: its sequences in the order in which they are launched. */
export interface Launch {
  readonly batch: SplitBatch
  /** Indices into the ascending lengths of `batch`, in launch order. */
  readonly order: Int32Array
}

/** `lengths` in launch order, each at least 1 token. */
export function launchOf(lengths: readonly number[]): Launch {
  const ascending = Int32Array.from(lengths, (_, i) => i).sort((a, b) => lengths[a] - lengths[b])
  const order = new Int32Array(lengths.length)
  ascending.forEach((sequence, place) => {
    order[sequence] = place
  })
  const sorted = Float64Array.from(ascending, (sequence) => lengths[sequence])
  return { batch: { n: sorted.length, lengths: sorted, totalTokens: sorted.reduce((sum, length) => sum + length, 0) }, order }
}

/** The split policy of a name such as `fixed-count(8)`; throws a UserError that names `where` for an unknown one. */
export const splitPolicy = (name: string, where = 'split'): SplitPolicy => parsePolicy('split', name, where)()

/** Kernel time of `launch` as `policy` partitions it, ns, without planning. `longestFirst`: launched so, whatever the policy says. */
export function kernelNs(launch: Launch, policy: SplitPolicy, machine: ExactMachine, longestFirst = false): number {
  const decision = createSplitDecision(launch.batch.n)
  policy.plan(launch.batch, machine, decision)
  if (longestFirst) decision.longestFirst = true
  return exactAttentionNs(launch.batch, decision, machine, launch.order)
}

/** What planning a batch of `sequences` costs, ns. */
export const planningNs = ({ planningPs }: SplitPolicy, sequences: number): number =>
  (typeof planningPs === 'number' ? planningPs : planningPs(sequences)) / PS_PER_NS

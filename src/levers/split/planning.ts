/**
 * What planning costs, ps a step. Plans are made once for a step and used by all its layers. Published figures: 0-10 us on the device,
 * 5-50 us on a host that cannot overlap them; the constants below are judgement within these ranges.
 */
import { PS_PER_NS } from '../../units.js'
import type { SplitPolicy } from '../lever.js'

/** A small kernel in the captured graph that writes the work list: launch and a read of the lengths. */
const METADATA_NS = 2000
/** One pass of a bitonic sort within one CTA: shared memory, a comparison, a barrier. */
const SORT_PASS_NS = 40
/** What the host does not hide of planning and of copying the list to the device. */
const HOST_NS = 5000

/** A work list written on the device, with `perSequenceNs` for each sequence that it walks. */
export const devicePlanPs = (sequences: number, perSequenceNs: number): number =>
  (METADATA_NS + perSequenceNs * sequences) * PS_PER_NS

/** A plan made on the host. */
export const hostPlanPs = (sequences: number, perSequenceNs: number): number => (HOST_NS + perSequenceNs * sequences) * PS_PER_NS

/** Sorting the sequences by length on the device: k (k + 1) / 2 passes for up to 2^k of them. */
export function sortPs(sequences: number): number {
  const k = Math.ceil(Math.log2(Math.max(2, sequences)))
  return ((k * (k + 1)) / 2) * SORT_PASS_NS * PS_PER_NS
}

/** Of a rule that needs no plan, launched in arrival order or from a sorted list. */
export const orderPlanPs = (longestFirst: boolean) => (longestFirst ? (n: number) => devicePlanPs(n, 0) + sortPs(n) : 0)

/** What the plan of a policy for `sequences` >= 1 decoding sequences of a rank is charged with, whole ps. */
export const planningPsOf = ({ planningPs }: Pick<SplitPolicy, 'planningPs'>, sequences: number): number =>
  Math.round(typeof planningPs === 'number' ? planningPs : planningPs(sequences))

import { SPLIT_COUNT, SPLIT_SIZE, type SplitPolicy } from '../lever.js'
import { createSplitModel, occupancyCount } from './model.js'
import { perMachine } from './perMachine.js'

/** Planning on the device or overlapped on the host, charged to every step: 5 us. Measured planners take 0-10 us. */
const PLANNING_PS = 5e6
/** Target pieces tried, as multiples of the average work of a slot, H K / P tokens. */
const TARGETS = [0.5, 0.75, 1, 1.5, 2, 3]
/**
 * Finer targets, tried while even such a piece runs for LONG_PIECE fixed times of a CTA: long contexts. Judgement, on the training batches of
 * data/levers/measured.
 */
const FINE_TARGETS = [0.25, 0.125]
const LONG_PIECE = 4
/** Coarser targets, tried while the batch fills less than a quarter of the slots: there the merge costs more than idle slots. */
const COARSE_TARGETS = [4, 6, 8, 12, 18, 27]
/** Counts tried in such batches, for lengths that lie close together. */
const COARSE_COUNTS = [2, 4, 8, 16]
/** Counts tried when no target piece is shorter than the longest request, and for near-equal lengths: they repair the last wave. */
const REPAIR_COUNTS = [2, 3, 4]
const NEAR_EQUAL_COUNTS = [2, 3, 4, 5, 6, 7, 8, 10, 12]
/** Lengths are near-equal while the longest is at most so many times the mean. */
const NEAR_EQUAL = 1.25

/** Factors by which the planner's idea of the machine is wrong; 1 = it plans with the constants that score it. */
export interface PlannerScale {
  readonly b: number
  readonly o: number
}

/**
 * Picks the piece size that the fast model finds cheapest, launched longest first. Never splitting and the shipped rule's own count
 * are among the candidates, so the choice is never worse than the shipped rule in the planner's own eyes.
 */
export function lengthAware(scale: PlannerScale = { b: 1, o: 1 }): SplitPolicy {
  const exact = scale.b === 1 && scale.o === 1
  const plannerOf = perMachine((machine, room) => {
    const believed = {
      ...machine,
      ctaBandwidth: machine.ctaBandwidth * scale.b,
      ctaOverheadNs: machine.ctaOverheadNs * scale.o,
    }
    return { planner: believed, model: createSplitModel(believed, room) }
  })

  return {
    info: {
      lever: 'split',
      name: exact ? 'length-aware' : `length-aware(b=${scale.b},o=${scale.o})`,
      shapeAware: true,
      hooks: ['plan'],
      inputs: ['KV length of every sequence'],
      signalAge: 'now',
      complexity: 'O(20 n)',
      wins: 'mixed lengths at every load; within 2 % of the best static rule on equal lengths',
      loses:
        'costs 5 us of planning a step; needs calibrated bandwidth and overhead of one CTA; where the memory binds, measured: 5 to 7 % on equal lengths',
      source: 'target-chunk candidates with a cost model, longest first (FA3 variable-length scheduling, XQA occupancy cost)',
    },
    planningPs: PLANNING_PS,
    plan(batch, machine, out) {
      const { model, planner } = plannerOf(machine, batch.n)
      model.load(batch)
      const longest = batch.lengths[batch.n - 1]
      const count = occupancyCount(batch.n, longest, machine)
      out.kind = SPLIT_COUNT
      out.value = 1
      out.longestFirst = true
      let best = model.timeNs(SPLIT_COUNT, 1, true, out)
      const tryNext = (kind: typeof SPLIT_COUNT | typeof SPLIT_SIZE, value: number) => {
        const timeNs = model.timeNs(kind, value, true, out)
        if (timeNs >= best) return
        best = timeNs
        out.kind = kind
        out.value = value
      }
      if (count > 1) tryNext(SPLIT_COUNT, count)
      const average = (planner.headGroups * batch.totalTokens) / planner.slots
      let previous = 0
      const trySize = (target: number) => {
        const tokens = Math.max(1, Math.ceil((target * average) / planner.tileTokens)) * planner.tileTokens
        if (tokens === previous || tokens >= longest) return
        previous = tokens
        tryNext(SPLIT_SIZE, tokens)
      }
      const overheadTokens = (planner.ctaOverheadNs * planner.ctaBandwidth) / planner.bytesPerToken
      for (const target of FINE_TARGETS) if (target * average >= LONG_PIECE * overheadTokens) trySize(target)
      previous = 0 // the counts below stand in for the targets from here on
      for (const target of TARGETS) trySize(target)
      if (4 * batch.n * planner.headGroups <= planner.slots) {
        for (const target of COARSE_TARGETS) trySize(target)
        for (const coarse of COARSE_COUNTS) tryNext(SPLIT_COUNT, coarse)
      }
      if (longest * batch.n <= NEAR_EQUAL * batch.totalTokens)
        for (const repair of NEAR_EQUAL_COUNTS) tryNext(SPLIT_COUNT, repair)
      else if (previous === 0) for (const repair of REPAIR_COUNTS) tryNext(SPLIT_COUNT, repair)
    },
  }
}

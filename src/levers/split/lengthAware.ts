import { SPLIT_COUNT, SPLIT_SIZE, type SplitPolicy } from '../lever.js'
import type { SplitMachine } from './machine.js'
import { createSplitModel, occupancyCount, type SplitModel } from './model.js'

/** Planning on the device or overlapped on the host, charged to every step: 5 us. Measured planners take 0-10 us. */
const PLANNING_PS = 5e6
/** Target pieces tried, as multiples of the average work of a slot, H K / P tokens. */
const TARGETS = [0.5, 0.75, 1, 1.5, 2, 3]

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
  /** One model for each machine seen; an arm is used with very few. */
  const models: { machine: SplitMachine; planner: SplitMachine; model: SplitModel; room: number }[] = []

  function modelOf(machine: SplitMachine, sequences: number) {
    let entry = models.find((m) => m.machine === machine)
    if (entry === undefined || entry.room < sequences) {
      if (entry !== undefined) models.splice(models.indexOf(entry), 1)
      const planner = {
        ...machine,
        ctaBandwidth: machine.ctaBandwidth * scale.b,
        ctaOverheadNs: machine.ctaOverheadNs * scale.o,
      }
      const room = Math.max(64, 2 ** Math.ceil(Math.log2(sequences)))
      entry = { machine, planner, model: createSplitModel(planner, room), room }
      models.push(entry)
    }
    return entry
  }

  return {
    info: {
      lever: 'split', name: exact ? 'length-aware' : `length-aware(b=${scale.b},o=${scale.o})`, shapeAware: true, hooks: ['plan'],
      inputs: ['KV length of every sequence'], signalAge: 'now', complexity: 'O(8 n)',
      wins: 'mixed lengths at every load; equal to the shipped rule on equal lengths',
      loses: 'costs 5 us of planning a step; needs calibrated bandwidth and overhead of one CTA',
      source: 'target-chunk candidates with a cost model, longest first (FA3 variable-length scheduling, XQA occupancy cost)',
    },
    planningPs: PLANNING_PS,
    plan(batch, machine, out) {
      const { model, planner } = modelOf(machine, batch.n)
      model.load(batch)
      const longest = batch.lengths[batch.n - 1]
      const count = occupancyCount(batch.n, longest, machine)
      out.kind = SPLIT_COUNT
      out.value = 1
      out.longestFirst = true
      let best = model.timeNs(SPLIT_COUNT, 1, true, out.pieces)
      if (count > 1) {
        const timeNs = model.timeNs(SPLIT_COUNT, count, true, out.pieces)
        if (timeNs < best) {
          best = timeNs
          out.value = count
        }
      }
      const average = (planner.headGroups * batch.totalTokens) / planner.slots
      let previous = 0
      for (const target of TARGETS) {
        const tiles = Math.max(1, Math.ceil((target * average) / planner.tileTokens))
        const tokens = tiles * planner.tileTokens
        if (tiles === previous || tokens >= longest) continue
        previous = tiles
        const timeNs = model.timeNs(SPLIT_SIZE, tokens, true, out.pieces)
        if (timeNs < best) {
          best = timeNs
          out.kind = SPLIT_SIZE
          out.value = tokens
        }
      }
    },
  }
}

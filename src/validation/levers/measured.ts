/**
 * Measured launches: the constants of a machine fitted on half of the batches, the exact form and the choice of a rule judged on the other half. All
 * launches of a batch stay on one side.
 */
import { median, quantileSorted } from 'simple-statistics'
import { UserError } from '../../errors.js'
import { fitMachine, type MachineConstant, type MachineFit } from './fitMachine.js'
import { kernelNs } from './launches.js'
import type { MeasuredRow } from './measuredRows.js'
import { geometricMean } from './simulated.js'

/** The launch keeps its shipped time: with one launch a row it cannot be told from the time of the first CTA. */
const FREE: readonly MachineConstant[] = ['bandwidth', 'ctaBandwidth', 'ctaOverheadNs', 'mergeFixedNs']
/** Batches of each half below which nothing is fitted. */
const FEWEST_BATCHES = 4
const SHIPPED_RULE = 'occupancy-rule'

export interface LaunchErrors {
  readonly launches: number
  /** |model / measured - 1|. */
  readonly median: number
  readonly p90: number
}

export interface ChoiceScore {
  /** Held-out batches measured under two rules or more. */
  readonly batches: number
  /** Measured time of the rule that the model finds fastest over that of the fastest measured: geometric mean and worst. */
  readonly regret: number
  readonly worstRegret: number
  /** Measured time of the shipped rule over that of the choice; null when it was not measured. */
  readonly gain: number | null
  readonly worstGain: number | null
}

export interface MeasuredGroup {
  readonly group: string
  readonly constants: MachineFit['constants']
  readonly fitted: LaunchErrors
  readonly heldOut: LaunchErrors
  readonly byFamily: readonly (LaunchErrors & { readonly family: string })[]
  readonly choice: ChoiceScore
}

export function scoreMeasured(rows: readonly MeasuredRow[]): MeasuredGroup[] {
  return [...grouped(rows, ({ group }) => group)].map(([group, all]) => scoreGroup(group, all))
}

function scoreGroup(group: string, rows: readonly MeasuredRow[]): MeasuredGroup {
  const batches = [...grouped(rows, ({ batch }) => batch).values()]
  // Every second batch of each family, so that both halves hold all families.
  const halves: [MeasuredRow[], MeasuredRow[]] = [[], []]
  for (const family of grouped(batches, ([{ family }]) => family).values())
    for (const [i, batch] of family.entries()) halves[i % 2].push(...batch)
  const [fit, judge] = halves
  const heldBatches = [...grouped(judge, ({ batch }) => batch).values()]
  if (heldBatches.length < FEWEST_BATCHES) {
    throw new UserError({
      where: group,
      message: `${batches.length} batches are too few to fit on half of them and judge on the others`,
      hint: `measure at least ${2 * FEWEST_BATCHES} batches of each kernel, of several families`,
    })
  }
  const { constants, errors } = fitMachine(fit, FREE)
  const timed = judge.map((row) => ({ row, modelNs: modelNs(row, constants) }))
  const errorOf = ({ row, modelNs: ns }: (typeof timed)[number]): number => ns / row.measuredNs - 1
  return {
    group,
    constants,
    fitted: errorsOf(errors),
    heldOut: errorsOf(timed.map(errorOf)),
    byFamily: [...grouped(timed, ({ row }) => row.family)].map(([family, some]) => ({ family, ...errorsOf(some.map(errorOf)) })),
    choice: choiceOf([...grouped(timed, ({ row }) => row.batch).values()]),
  }
}

const modelNs = ({ launch, policy, machine, longestFirst }: MeasuredRow, constants: MachineFit['constants']): number =>
  kernelNs(launch, policy, { ...machine, ...constants }, { longestFirst })

function errorsOf(errors: readonly number[]): LaunchErrors {
  const sizes = errors.map(Math.abs).sort((a, b) => a - b)
  return { launches: sizes.length, median: median(sizes), p90: quantileSorted(sizes, 0.9) }
}

function choiceOf(batches: readonly (readonly { readonly row: MeasuredRow; readonly modelNs: number }[])[]): ChoiceScore {
  const chosen = batches
    .filter((batch) => batch.length > 1)
    .map((batch) => {
      const choice = batch.reduce((best, one) => (one.modelNs < best.modelNs ? one : best))
      const fastest = Math.min(...batch.map(({ row }) => row.measuredNs))
      const shipped = batch.find(({ row }) => row.rule === SHIPPED_RULE)
      return { regret: choice.row.measuredNs / fastest, gain: shipped ? shipped.row.measuredNs / choice.row.measuredNs : null }
    })
  const regrets = chosen.map(({ regret }) => regret)
  const gains = chosen.flatMap(({ gain }) => (gain === null ? [] : [gain]))
  return {
    batches: chosen.length,
    regret: chosen.length === 0 ? 1 : geometricMean(regrets),
    worstRegret: Math.max(1, ...regrets),
    gain: gains.length === 0 ? null : geometricMean(gains),
    worstGain: gains.length === 0 ? null : Math.min(...gains),
  }
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const members = groups.get(keyOf(item))
    if (members) members.push(item)
    else groups.set(keyOf(item), [item])
  }
  return groups
}

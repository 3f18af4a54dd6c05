/**
 * Measured launches: the constants of a machine fitted to some of them, the exact form and the choice of a rule judged on others. All launches of the same
 * lengths stay on one side. Without launches to train on, half of the batches are kept for the judging.
 */
import { median, quantileSorted } from 'simple-statistics'
import { grouped } from '../../collections/grouped.js'
import { UserError } from '../../errors.js'
import { type ExactMachine, nsPerByte, type SplitMachine } from '../../levers/index.js'
import { errorsOf, fitMachine, type MachineConstant, type MachineFit } from './fitMachine.js'
import { type GainTable, gainsOf, type JudgedRow, SHIPPED_RULE } from './measuredGains.js'
import type { MeasuredRow } from './measuredRows.js'
import { geometricMean } from './simulated.js'

/** The launch keeps its shipped time: with one launch a row it cannot be told from the time of the first CTA. */
const FREE: readonly MachineConstant[] = ['bandwidth', 'ctaBandwidth', 'ctaOverheadNs', 'mergeFixedNs', 'mergeBandwidth', 'knee']
/** Most launches that six constants are fitted to, evenly spaced: more change them by a percent and take minutes. */
const MOST_FITTED = 300
/** Batches of each half below which nothing is fitted. */
const FEWEST_BATCHES = 4

export interface LaunchErrors {
  /** Rows: plans of a batch, of which those that cut it alike share a launch. */
  readonly plans: number
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
  /** What all slots together read with these constants, bytes per ns. */
  readonly busyBandwidth: number
  readonly fitted: LaunchErrors
  readonly heldOut: LaunchErrors
  readonly byFamily: readonly (LaunchErrors & { readonly family: string })[]
  readonly choice: ChoiceScore
  /** What policies gain over the fixed rule that was tuned on the training launches; null without those. */
  readonly gains: GainTable | null
}

/** The machine of every kernel as a planner knows it: without a knee, its constants fitted to the rows. */
export function plannersOf(rows: readonly MeasuredRow[]): { readonly group: string; readonly machine: SplitMachine }[] {
  const free = FREE.filter((name) => name !== 'knee')
  return [...grouped(rows, ({ group }) => group)].map(([group, all]) => ({
    group,
    machine: { ...all[0].machine, ...fitMachine(thinned(all), free).constants },
  }))
}

/**
 * Every kernel of `rows`, judged on all of them when there is `train`, else on half. Batches that are judged teach nothing: their launches in `train` are
 * left out. Throws a UserError for a kernel with too few batches to learn from, and for training launches of a kernel that is not judged.
 */
export function scoreMeasured(rows: readonly MeasuredRow[], train: readonly MeasuredRow[] = []): MeasuredGroup[] {
  const kernels = grouped(rows, ({ group }) => group)
  const stranger = train.find(({ group }) => !kernels.has(group))
  if (stranger !== undefined) {
    throw new UserError({
      where: stranger.group,
      message: 'there are launches of it to train on, but none to judge',
      hint: 'give --train files of the same GPU, kernel, heads and KV precision as --measured',
    })
  }
  return [...kernels].map(([group, all]) => {
    if (train.length === 0) return scoreGroup(group, ...halvesOf(group, all), false)
    const judged = new Set(all.map(lengthsOf))
    const known = train.filter((row) => row.group === group && !judged.has(lengthsOf(row)))
    const batches = grouped(known, ({ batch }) => batch).size
    if (batches < FEWEST_BATCHES) {
      throw new UserError({
        where: group,
        message: `${batches} batches to train on are too few, without those that are judged too`,
        hint: `give --train at least ${FEWEST_BATCHES} other batches of this kernel, or leave it out`,
      })
    }
    return scoreGroup(group, known, all, true)
  })
}

/** Names the lengths of a batch, whatever their order. */
const lengthsOf = ({ launch }: MeasuredRow): string => launch.batch.lengths.join(';')

/**
 * Every second batch of each family, so that both halves hold all families. Batches of the same lengths are one, whatever their names: else a half would
 * be judged on what the other was fitted to.
 */
function halvesOf(group: string, rows: readonly MeasuredRow[]): [MeasuredRow[], MeasuredRow[]] {
  const batches = [...grouped(rows, lengthsOf).values()]
  const halves: [MeasuredRow[], MeasuredRow[]] = [[], []]
  for (const family of grouped(batches, ([{ family }]) => family).values())
    for (const [i, batch] of family.entries()) halves[i % 2].push(...batch)
  if (grouped(halves[1], lengthsOf).size < FEWEST_BATCHES) {
    throw new UserError({
      where: group,
      message: `${batches.length} batches are too few to fit on half of them and judge on the others`,
      hint: `measure at least ${2 * FEWEST_BATCHES} batches of each kernel, of several families and of different lengths`,
    })
  }
  return halves
}

function scoreGroup(group: string, fit: readonly MeasuredRow[], judge: readonly MeasuredRow[], trained: boolean): MeasuredGroup {
  const { constants } = fitMachine(thinned(fit), FREE)
  const errors = errorsOf(judge, constants)
  const judged = judge.map((row, i): JudgedRow => ({ row, modelNs: row.measuredNs * (1 + errors[i]) }))
  const families = grouped(
    judge.map((row, i) => ({ family: row.family, error: errors[i] })),
    ({ family }) => family,
  )
  return {
    group,
    constants,
    busyBandwidth: busyBandwidth({ ...fit[0].machine, ...constants }),
    fitted: sizesOf(errorsOf(fit, constants)),
    heldOut: sizesOf(errors),
    byFamily: [...families].map(([family, some]) => ({ family, ...sizesOf(some.map(({ error }) => error)) })),
    choice: choiceOf([...grouped(judged, ({ row }) => row.batch).values()]),
    gains: trained ? gainsOf(judged, fit) : null,
  }
}

const busyBandwidth = (machine: ExactMachine): number => machine.slots / nsPerByte(machine.slots, machine)

function thinned(rows: readonly MeasuredRow[]): readonly MeasuredRow[] {
  const step = Math.max(1, rows.length / MOST_FITTED)
  return Array.from({ length: Math.min(rows.length, MOST_FITTED) }, (_, i) => rows[Math.floor(i * step)])
}

function sizesOf(errors: readonly number[]): LaunchErrors {
  const sizes = errors.map(Math.abs).sort((a, b) => a - b)
  return { plans: sizes.length, median: median(sizes), p90: quantileSorted(sizes, 0.9) }
}

function choiceOf(batches: readonly (readonly JudgedRow[])[]): ChoiceScore {
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

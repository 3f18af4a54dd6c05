/** Measured launches against the exact form of the SM-level model, as text. */

import { sixDigits } from '../units.js'
import type { LaunchErrors, MeasuredGroup } from '../validation/levers/measured.js'
import type { Gain, GainTable } from '../validation/levers/measuredGains.js'
import { columns } from './columns.js'
import { change, NOTHING, number, pct, percent } from './format.js'

export const errorText = ({ median, p90 }: LaunchErrors): string => `${percent(median, 1)} / ${percent(p90, 1)}`
const gainText = ({ measured, model }: Gain): string => `${change(measured)} (${change(model)})`

export const CONSTANTS_HEAD = ['', 'memory GB/s', 'CTA GB/s', 'CTA ns', 'merge ns', 'merge GB/s', 'knee', 'all slots GB/s']

/** A knee sharper than this takes less than 4 % of the rate anywhere. */
const SHARP = 20

export const constantCells = ({ group, constants, busyBandwidth }: MeasuredGroup): string[] => [
  group,
  ...[constants.bandwidth, constants.ctaBandwidth, constants.ctaOverheadNs, constants.mergeFixedNs, constants.mergeBandwidth].map(
    (value) => number(value ?? 0),
  ),
  constants.knee === undefined || constants.knee > SHARP ? 'sharp' : number(constants.knee),
  number(busyBandwidth),
]

export const CHOICE_HEAD = ['', 'batches', 'over the fastest', 'worst', 'gain over the occupancy rule', 'worst']

export const choiceCells = ({ group, choice: { batches, regret, worstRegret, gain, worstGain } }: MeasuredGroup): string[] => [
  group,
  String(batches),
  change(regret),
  change(worstRegret),
  gain === null ? NOTHING : `${number(gain)}x`,
  worstGain === null ? NOTHING : `${number(worstGain)}x`,
]

/** Policies down, families across: gain over the tuned count, and in brackets what the model says. */
export function gainRows({ families }: GainTable): { head: string[]; rows: string[][]; tuned: string[] } {
  const sizes = families.map(({ gains, tunedSize }) => gains.find(({ policy }) => policy === tunedSize))
  const policies = [
    ...new Set(families.flatMap(({ gains, tunedSize }) => gains.flatMap(({ policy }) => (policy === tunedSize ? [] : policy)))),
  ]
  const row = (name: string, gains: readonly (Gain | undefined)[]): string[] => [
    name,
    ...gains.map((gain) => (gain === undefined ? NOTHING : gainText(gain))),
    change(Math.min(...gains.map((gain) => gain?.worst ?? Number.POSITIVE_INFINITY))),
  ]
  return {
    head: ['', ...families.map(({ family, batches }) => `${family} (${batches})`), 'worst batch'],
    rows: [
      ...(sizes.some((gain) => gain !== undefined) ? [row('tuned size', sizes)] : []),
      ...policies.map((name) =>
        row(
          name,
          families.map(({ gains }) => gains.find(({ policy }) => policy === name)),
        ),
      ),
    ],
    tuned: families.map(
      ({ family, tunedCount, tunedSize }) => `${family} ${[tunedCount, tunedSize].filter((rule) => rule !== null).join(' and ')}`,
    ),
  }
}

export const signsText = ({ signs, rightSigns, error }: GainTable): string =>
  `right signs ${rightSigns} of ${signs} gains beyond 2 %; the model's gain is off by ${percent(error, 1)} (median)`

export function measuredTable(groups: readonly MeasuredGroup[]): string {
  const errors = groups.flatMap(({ group, fitted, heldOut, byFamily }) => [
    [group, 'fitted', String(fitted.plans), errorText(fitted)],
    ['', 'held out', String(heldOut.plans), errorText(heldOut)],
    ...byFamily.map((family) => ['', `held out, ${family.family}`, String(family.plans), errorText(family)]),
  ])
  const trained = groups.some(({ gains }) => gains !== null)
  return [
    `constants, fitted ${trained ? 'to the training launches' : 'on half of the batches'}\n${columns([CONSTANTS_HEAD, ...groups.map(constantCells)], [1, 2, 3, 4, 5, 6, 7])}`,
    `error of the exact form, median / 90th percentile\n${columns([['', '', 'plans', ''], ...errors], [2, 3])}`,
    `choice of a rule on held-out batches: the one that the model finds fastest\n${columns([CHOICE_HEAD, ...groups.map(choiceCells)], [1, 2, 3, 4, 5])}`,
    ...groups.flatMap(({ group, gains }) => (gains === null ? [] : [gainsTable(group, gains)])),
  ].join('\n\n')
}

function gainsTable(group: string, gains: GainTable): string {
  const { head, rows, tuned } = gainRows(gains)
  const left = gains.notCompared.length === 0 ? '' : `without a fixed rule to compare with: ${gains.notCompared.join(', ')}\n`
  const numbers = head.map((_, i) => i).slice(1)
  return `${group}: speed-up over the count tuned on the training launches, measured (model), median of the batches\n${columns([head, ...rows], numbers)}\ntuned: ${tuned.join('; ')}\n${left}${signsText(gains)}`
}

const errorsJson = ({ plans, median, p90 }: LaunchErrors) => ({ plans, median_pct: pct(median), p90_pct: pct(p90) })

const gainsJson = ({ families, notCompared, signs, rightSigns, error }: GainTable) => ({
  not_compared: notCompared,
  signs,
  right_signs: rightSigns,
  median_error_pct: pct(error),
  families: families.map(({ family, batches, tunedCount, tunedSize, gains }) => ({
    family,
    batches,
    tuned_count: tunedCount,
    tuned_size: tunedSize,
    gains_over_tuned_count: gains.map(({ policy, measured, worst, model }) => ({
      policy,
      measured: sixDigits(measured),
      worst_batch: sixDigits(worst),
      model: sixDigits(model),
    })),
  })),
})

export const measuredJson = (groups: readonly MeasuredGroup[]) => ({
  groups: groups.map(({ group, constants, busyBandwidth, fitted, heldOut, byFamily, choice, gains }) => ({
    group,
    constants: {
      bandwidth_gb_s: sixDigits(constants.bandwidth ?? 0),
      cta_bandwidth_gb_s: sixDigits(constants.ctaBandwidth ?? 0),
      cta_overhead_ns: sixDigits(constants.ctaOverheadNs ?? 0),
      merge_fixed_ns: sixDigits(constants.mergeFixedNs ?? 0),
      merge_bandwidth_gb_s: sixDigits(constants.mergeBandwidth ?? 0),
      knee: sixDigits(constants.knee ?? 0),
      all_slots_gb_s: sixDigits(busyBandwidth),
    },
    fitted: errorsJson(fitted),
    held_out: errorsJson(heldOut),
    held_out_by_family: byFamily.map(({ family, ...errors }) => ({ family, ...errorsJson(errors) })),
    choice: {
      batches: choice.batches,
      over_fastest: sixDigits(choice.regret),
      worst_over_fastest: sixDigits(choice.worstRegret),
      gain_over_occupancy_rule: choice.gain === null ? null : sixDigits(choice.gain),
      worst_gain_over_occupancy_rule: choice.worstGain === null ? null : sixDigits(choice.worstGain),
    },
    gains: gains === null ? null : gainsJson(gains),
  })),
})

/** Measured launches against the exact form of the SM-level model, as text. */
import type { LaunchErrors, MeasuredGroup } from '../validation/levers/measured.js'
import { columns } from './columns.js'
import { change, NOTHING, number, percent } from './format.js'

const errorText = ({ median, p90 }: LaunchErrors): string => `${percent(median, 1)} / ${percent(p90, 1)}`

export function measuredTable(groups: readonly MeasuredGroup[]): string {
  const constants = groups.map(({ group, constants: { bandwidth, ctaBandwidth, ctaOverheadNs, mergeFixedNs } }) => [
    group,
    ...[bandwidth, ctaBandwidth, ctaOverheadNs, mergeFixedNs].map(number),
  ])
  const errors = groups.flatMap(({ group, fitted, heldOut, byFamily }) => [
    [group, 'fitted', String(fitted.launches), errorText(fitted)],
    ['', 'held out', String(heldOut.launches), errorText(heldOut)],
    ...byFamily.map((family) => ['', `held out, ${family.family}`, String(family.launches), errorText(family)]),
  ])
  const choices = groups.map(({ group, choice: { batches, regret, worstRegret, gain, worstGain } }) => [
    group,
    String(batches),
    change(regret),
    change(worstRegret),
    gain === null ? NOTHING : `${number(gain)}x`,
    worstGain === null ? NOTHING : `${number(worstGain)}x`,
  ])
  return [
    `constants, fitted on half of the batches\n${columns([['', 'memory GB/s', 'CTA GB/s', 'CTA ns', 'merge ns'], ...constants], [1, 2, 3, 4])}`,
    `error of the exact form, median / 90th percentile\n${columns([['', '', 'launches', ''], ...errors], [2, 3])}`,
    `choice of a rule on held-out batches: the one that the model finds fastest\n${columns([['', 'batches', 'over the fastest', 'worst', 'gain over the occupancy rule', 'worst'], ...choices], [1, 2, 3, 4, 5])}`,
  ].join('\n\n')
}

const short = (value: number): number => Number(value.toPrecision(6))
const pct = (share: number): number => Number((100 * share).toFixed(3))
const errorsJson = ({ launches, median, p90 }: LaunchErrors) => ({ launches, median_pct: pct(median), p90_pct: pct(p90) })

export const measuredJson = (groups: readonly MeasuredGroup[]) => ({
  groups: groups.map(({ group, constants, fitted, heldOut, byFamily, choice }) => ({
    group,
    constants: {
      bandwidth_gb_s: short(constants.bandwidth ?? 0),
      cta_bandwidth_gb_s: short(constants.ctaBandwidth ?? 0),
      cta_overhead_ns: short(constants.ctaOverheadNs ?? 0),
      merge_fixed_ns: short(constants.mergeFixedNs ?? 0),
    },
    fitted: errorsJson(fitted),
    held_out: errorsJson(heldOut),
    held_out_by_family: byFamily.map(({ family, ...errors }) => ({ family, ...errorsJson(errors) })),
    choice: {
      batches: choice.batches,
      over_fastest: short(choice.regret),
      worst_over_fastest: short(choice.worstRegret),
      gain_over_occupancy_rule: choice.gain === null ? null : short(choice.gain),
      worst_gain_over_occupancy_rule: choice.worstGain === null ? null : short(choice.worstGain),
    },
  })),
})

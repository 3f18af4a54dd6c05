/** The controls: where there is nothing to gain, nothing must be gained. */
import {
  type Cell,
  type CellResult,
  type Control,
  EXPECTED,
  gainOf,
  isOverloaded,
  isUnstable,
  NO_GAIN,
} from '../../experiments/claim/index.js'
import type { PairedRatio } from '../../experiments/statistics.js'
import { markdownTable } from '../markdown.js'
import { interval, percent } from './markdown.js'

const TITLES: Readonly<Record<Control, string>> = {
  'equal-full': 'equal lengths, full waves',
  'equal-off': 'equal lengths, off a full wave',
  mean: 'everybody has the mean lengths',
  shuffled: 'lengths dealt out anew',
  placebo: 'random counts, blind to length',
}

interface ControlCell {
  readonly cell: Cell
  readonly result: CellResult
}

/** `recordedOf`: the primary cell with the lengths as recorded; null where it has no answer. */
export function controlSection(controls: readonly ControlCell[], recordedOf: (control: Cell) => CellResult | null): string {
  if (controls.length === 0) return ''
  const rows = controls.map(({ cell, result }) => {
    const control = cell.id.split('/')[1] as Control
    const paired = controlRatio(control, result)
    const recorded = recordedOf(cell)
    return [
      TITLES[control],
      `${cell.trace}, ${cell.layout}`,
      EXPECTED[control],
      interval(paired),
      interval(controlRatio(control, result, 'occupancy-rule')),
      isUnstable(result) || isOverloaded(result, 'placebo') ? 'unstable' : outcome(control, paired, recorded && gainOf(recorded)),
    ]
  })
  return [
    '## Controls, each with a static arm tuned anew',
    `Shape-aware (placebo: random counts in the place of tuned-static's) over tuned-static. Zero means within ${NO_GAIN * 100} % on either side of none; a placebo knows nothing of lengths and may lose as much as it likes, but not gain; kept means a gain where there is one with the lengths as recorded.`,
    markdownTable(['control', 'cell', 'expected', 'gain', 'over the shipped rule', 'holds'], rows),
  ].join('\n\n')
}

const controlRatio = (control: Control, result: CellResult, baseline = 'tuned-static'): PairedRatio =>
  gainOf(result, control === 'placebo' ? 'placebo' : 'shape-aware', baseline)

/** `recorded`: the gain with the lengths as recorded. */
export function outcome(control: Control, { ratio }: PairedRatio, recorded: PairedRatio | null): string {
  if (ratio === null) return 'no result'
  switch (EXPECTED[control]) {
    case 'zero':
      return Math.abs(ratio - 1) <= NO_GAIN ? 'yes' : '**no**'
    case 'not above zero':
      return ratio - 1 <= NO_GAIN ? 'yes' : '**no**'
    case 'kept':
      return keptText(ratio, recorded?.ratio ?? null)
  }
}

function keptText(ratio: number, recorded: number | null): string {
  if (recorded === null) return 'nothing to compare with'
  if (recorded - 1 <= NO_GAIN) return 'no gain to keep'
  return `${ratio - 1 > NO_GAIN ? 'yes' : '**no**'}: ${percent(recorded)} as recorded`
}

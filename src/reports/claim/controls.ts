/** The controls: where there is nothing to gain, nothing must be gained. */
import { type Cell, type CellResult, type Control, EXPECTED, gainOf, NO_GAIN, ratioOf } from '../../experiments/claim/index.js'
import type { PairedRatio } from '../../experiments/statistics.js'
import { interval, table } from './markdown.js'

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

export function controlSection(controls: readonly ControlCell[]): string {
  if (controls.length === 0) return ''
  const rows = controls.map(({ cell, result }) => {
    const control = cell.id.split('/')[1] as Control
    const paired = controlRatio(control, result)
    return [
      TITLES[control],
      `${cell.trace}, ${cell.layout}`,
      EXPECTED[control],
      interval(paired),
      interval(
        ratioOf(
          result,
          result.offered_rps === null ? 'fixedConcurrency' : 'fixedLoad',
          'tok_s_user.p50',
          'shape-aware',
          'occupancy-rule',
        ),
      ),
      outcome(control, paired),
    ]
  })
  return [
    '## Controls, each with a static arm tuned anew',
    `Shape-aware (placebo: random counts in the place of tuned-static's) over tuned-static. The bar is ${NO_GAIN * 100} % on either side of none.`,
    table(['control', 'cell', 'expected', 'gain', 'over the shipped rule', 'holds'], rows),
  ].join('\n\n')
}

export const controlRatio = (control: Control, result: CellResult): PairedRatio =>
  control === 'placebo' ? gainOf(result, 'placebo') : gainOf(result)

export function outcome(control: Control, { ratio }: PairedRatio): string {
  if (ratio === null) return 'no result'
  switch (EXPECTED[control]) {
    case 'zero':
      return Math.abs(ratio - 1) <= NO_GAIN ? 'yes' : '**no**'
    case 'not above zero':
      return ratio - 1 <= NO_GAIN ? 'yes' : '**no**'
    case 'kept':
      return ratio - 1 > NO_GAIN ? 'yes: the gain depends on the mix, not on the order' : 'no gain to keep'
  }
}

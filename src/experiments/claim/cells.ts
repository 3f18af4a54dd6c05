/** The cells of the fair experiment, in the order in which they are run: what matters most comes first, so that a short budget drops the least. */
import { type Cell, type LayoutName, primaryCell, TOGETHER_TPOT, TRACES, type TraceName } from './cell.js'
import { hypercubePoints, pointCell } from './hypercube.js'

const PRIMARY_LAYOUTS: readonly LayoutName[] = ['r1-dep32', 'r1-dep16', 'oss-tp4']
export const POINTS = 200
/** The hypercube has a seed of its own: the box is the same whatever traffic is drawn. */
export const HYPERCUBE_SEED = 2026

/** Sequences of a rank that fill the SMs in whole waves of an MLA kernel of two tiles (152 = 2 x 76), and that leave the second wave a third full. */
const FULL_WAVE = 76
const OFF_WAVE = 100

/** Traces of the controls: the longest mixed contexts, and chat. */
const CONTROL_TRACES: readonly TraceName[] = ['moon-conv', 'azure-conv']

/** The same engines with prompts of their own: the chunk lever is alive, and prefill takes its share. */
function togetherCell(trace: TraceName, layout: LayoutName): Cell {
  const cell = primaryCell(trace, layout)
  return {
    ...cell,
    id: `together/${trace}/${layout}`,
    family: 'together',
    prompts: 'here',
    tpotMs: cell.tpotMs * TOGETHER_TPOT,
    replicates: 8,
    tuned: ['tuned-static', 'tuned-size', 'shape-aware'],
    extra: ['occupancy-rule'],
    readings: ['fixedLoad', 'fixedConcurrency'],
    attribution: 4,
    effort: 'point',
  }
}

/** What a control expects of shape-aware over its own re-tuned static arm. */
export const EXPECTED = {
  'equal-full': 'zero',
  'equal-off': 'zero',
  mean: 'zero',
  shuffled: 'kept',
  placebo: 'not above zero',
} as const
export type Control = keyof typeof EXPECTED

function controlCell(trace: TraceName, control: Control, layout: LayoutName = 'r1-dep32'): Cell {
  const cell = primaryCell(trace, layout)
  return {
    ...cell,
    id: `control/${control}/${trace}`,
    family: 'control',
    replicates: 8,
    tuned: ['tuned-static', 'tuned-size', 'shape-aware'],
    extra: control === 'placebo' ? ['occupancy-rule', 'placebo'] : ['occupancy-rule'],
    attribution: 0,
    readings: ['fixedLoad', 'fixedConcurrency'],
    ...(control === 'mean' || control === 'shuffled' ? { lengths: control } : {}),
    ...(control === 'equal-full' || control === 'equal-off'
      ? {
          lengths: 'equal' as const,
          load: { perRank: control === 'equal-full' ? FULL_WAVE : OFF_WAVE },
          readings: ['fixedConcurrency'],
        }
      : {}),
  }
}

/** Every cell of the full experiment. */
export function allCells(): Cell[] {
  const pairs = PRIMARY_LAYOUTS.flatMap((layout) => TRACES.map((trace) => ({ trace, layout })))
  return [
    ...pairs.map(({ trace, layout }) => primaryCell(trace, layout)),
    ...(['equal-full', 'equal-off'] as const).map((control) => controlCell('moon-conv', control)),
    ...(['mean', 'shuffled', 'placebo'] as const).flatMap((control) =>
      CONTROL_TRACES.map((trace) => controlCell(trace, control)),
    ),
    ...pairs.map(({ trace, layout }) => togetherCell(trace, layout)),
    ...hypercubePoints(POINTS, HYPERCUBE_SEED).map(pointCell),
  ]
}

/** Capacities are searched for in this cell alone of a quick look, and its engines have one rank. */
const QUICK_CAPACITY = 'primary/moon-conv/oss-tp4'
const QUICK_LAYOUTS: readonly LayoutName[] = ['oss-tp4', 'llama-tp4']

/** A small copy of the experiment that touches all of its parts, for a first look and for CI: its numbers are not evidence. */
export function quickCells(): Cell[] {
  const tiny = (cell: Cell): Cell => ({
    ...cell,
    // a closed loop of equal requests runs in lockstep: a window must hold a whole generation of them
    effort: 'perRank' in cell.load ? 'point' : 'tiny',
    replicates: Math.min(cell.replicates, 4),
    readings: cell.readings.filter((reading) => reading !== 'capacity' || cell.id === QUICK_CAPACITY),
    attribution: Math.min(cell.attribution, 4),
    tuned: cell.tuned.filter((family) => family !== 'oracle-static'),
    extra: cell.extra.filter((arm) => arm !== 'oracle-step'),
  })
  const points = hypercubePoints(POINTS, HYPERCUBE_SEED).map(pointCell)
  const small = points.filter(({ layout }) => QUICK_LAYOUTS.includes(layout))
  return [
    primaryCell('moon-conv', 'oss-tp4'),
    primaryCell('azure-conv', 'oss-tp4'),
    ...(['equal-off', 'mean', 'placebo'] as const).map((control) => controlCell('moon-conv', control, 'oss-tp4')),
    togetherCell('azure-conv', 'oss-tp4'),
    ...small.slice(0, 6),
  ].map(tiny)
}

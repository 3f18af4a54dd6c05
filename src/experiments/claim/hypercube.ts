/**
 * A Latin hypercube over everything that could move the conclusion: along each axis every one of `count` equal slices holds exactly one point
 * (M. McKay, R. Beckman, W. Conover, Technometrics 21, 1979), so a few hundred points cover each axis evenly and effects can be told apart.
 */
import { stream } from '../../rng.js'
import { type Cell, DEFAULTS, LAYOUTS, PROMPTS, primaryCell, TOGETHER_TPOT, TRACES } from './cell.js'
import { NEUTRAL } from './perturb.js'
import { permutation } from './traffic.js'

/** Points of [0, 1)^dimensions; row i is a point. */
export function latinHypercube(count: number, axes: readonly string[], seed: number): number[][] {
  const columns = axes.map((axis) => {
    const slices = permutation(count, seed, `claim/hypercube/${axis}/slices`)
    const rng = stream(seed, `claim/hypercube/${axis}/within`)
    return Array.from(slices, (slice) => (slice + rng.uniform()) / count)
  })
  return Array.from({ length: count }, (_, i) => columns.map((column) => column[i]))
}

type Axis =
  | {
      readonly kind: 'number'
      readonly low: number
      readonly high: number
      readonly scale: 'linear' | 'log'
      readonly why: string
    }
  | { readonly kind: 'choice'; readonly values: readonly (string | number)[]; readonly why: string }

const number = (low: number, high: number, scale: 'linear' | 'log', why: string): Axis => ({
  kind: 'number',
  low,
  high,
  scale,
  why,
})
const choice = (values: readonly (string | number)[], why: string): Axis => ({ kind: 'choice', values, why })

/** The box. Factors of constants are on the calibrated value. */
export const AXES = {
  trace: choice(TRACES, 'traffic'),
  layout: choice(LAYOUTS, 'model and engines'),
  system: choice(['gb200', 'gb300'], 'rack'),
  prompts: choice(PROMPTS, 'where prompts are computed'),
  load: number(0.3, 0.95, 'linear', 'load, share of the capacity of static'),
  max_num_seqs: choice([64, 128, 256], 'batch cap of a rank'),
  tpot: number(0.65, 1.6, 'log', 'SLO on the time between tokens, factor'),
  b: number(0.5, 2, 'log', 'bandwidth of one CTA, factor'),
  o: number(0.25, 4, 'log', 'fixed time of a CTA, factor'),
  merge: number(0.25, 4, 'log', 'fixed time of a merge, factor'),
  bandwidth: number(0.9, 1.1, 'log', 'memory bandwidth in the SM model, factor'),
  exchange: number(0.7, 1.3, 'linear', 'all-to-all, factor'),
  experts: number(1, 2, 'linear', 'experts, factor (skewed routing)'),
  host_ms: number(0, 4, 'linear', 'host time of a step besides, ms'),
  planner_b: number(0.5, 2, 'log', "planner's belief of b, factor"),
  planner_o: number(0.5, 2, 'log', "planner's belief of o, factor"),
} as const satisfies Readonly<Record<string, Axis>>

export type AxisName = keyof typeof AXES
export const AXIS_NAMES = Object.keys(AXES) as AxisName[]

/** The value at the share u in [0, 1) of an axis. */
export function valueAt(axis: Axis, u: number): string | number {
  if (axis.kind === 'choice') return axis.values[Math.min(axis.values.length - 1, Math.floor(u * axis.values.length))]
  const value = axis.scale === 'log' ? axis.low * (axis.high / axis.low) ** u : axis.low + (axis.high - axis.low) * u
  return Number(value.toPrecision(4))
}

export type Point = Readonly<Record<AxisName, string | number>>

export function hypercubePoints(count: number, seed: number): Point[] {
  return latinHypercube(count, AXIS_NAMES, seed).map(
    (shares) => Object.fromEntries(AXIS_NAMES.map((name, axis) => [name, valueAt(AXES[name], shares[axis])])) as Point,
  )
}

/** A point as a cell: arms tuned at this point's own load, 5 replicates, the reading at fixed load. */
export function pointCell(point: Point, index: number): Cell {
  const is = <T extends string>(name: AxisName): T => point[name] as T
  const of = (name: AxisName): number => point[name] as number
  const layout = is<Cell['layout']>('layout')
  const prompts = is<Cell['prompts']>('prompts')
  return {
    ...primaryCell(is<Cell['trace']>('trace'), layout),
    id: `hypercube/${String(index).padStart(3, '0')}`,
    family: 'hypercube',
    system: is<Cell['system']>('system'),
    prompts,
    load: { fraction: of('load') },
    maxNumSeqs: of('max_num_seqs'),
    tpotMs: Number((DEFAULTS[layout].tpotMs * of('tpot') * (prompts === 'here' ? TOGETHER_TPOT : 1)).toPrecision(4)),
    perturbation: {
      ...NEUTRAL,
      b: of('b'),
      o: of('o'),
      merge: of('merge'),
      bandwidth: of('bandwidth'),
      exchange: of('exchange'),
      experts: of('experts'),
      hostMs: of('host_ms'),
      plannerB: of('planner_b'),
      plannerO: of('planner_o'),
    },
    replicates: 5,
    tuned: ['tuned-static', 'tuned-size', 'shape-aware'],
    extra: ['occupancy-rule'],
    readings: ['fixedLoad'],
    attribution: 0,
    effort: 'point',
  }
}

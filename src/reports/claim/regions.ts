/** Where in the hypercube the gain is large, small or negative, and which axis moves it. */
import { grouped } from '../../collections/grouped.js'
import {
  AXES,
  AXIS_NAMES,
  type AxisName,
  type CellResult,
  CLAIMED,
  gainOf,
  isUnstable,
  type Point,
} from '../../experiments/claim/index.js'

export interface Sample {
  readonly point: Point
  readonly cell: CellResult
  /** shape-aware / tuned-static. */
  readonly ratio: number
}

export type Region = 'above' | 'between' | 'negative'

const regionOf = (ratio: number): Region => (ratio > CLAIMED ? 'above' : ratio >= 1 ? 'between' : 'negative')

/** Points with a result, but for those where an arm could not keep up. */
export function samplesOf(
  points: readonly Point[],
  cells: ReadonlyMap<string, CellResult>,
  idOf: (index: number) => string,
): Sample[] {
  return points.flatMap((point, index) => {
    const cell = cells.get(idOf(index))
    const ratio = cell === undefined ? null : gainOf(cell).ratio
    return cell === undefined || ratio === null || isUnstable(cell) ? [] : [{ point, cell, ratio }]
  })
}

export interface Counts {
  readonly above: number
  readonly between: number
  readonly negative: number
}

export function countRegions(samples: readonly Sample[]): Counts {
  const counts = { above: 0, between: 0, negative: 0 }
  for (const { ratio } of samples) counts[regionOf(ratio)]++
  return counts
}

/** How far the mean gain moves along one axis, the others as they fall. */
export interface Swing {
  readonly axis: AxisName
  readonly why: string
  /** Names of the two ends: the lowest and the highest third of a number, the values of the least and the largest mean of a choice. */
  readonly ends: readonly [string, string]
  /** Geometric mean ratio at the two ends. */
  readonly ratios: readonly [number, number]
}

const geometric = (samples: readonly Sample[]): number =>
  Math.exp(samples.reduce((sum, { ratio }) => sum + Math.log(ratio), 0) / samples.length)

/** Largest swing first. An axis with fewer than 3 samples at an end is left out. */
export function swings(samples: readonly Sample[]): Swing[] {
  return AXIS_NAMES.flatMap((axis): Swing[] => {
    const ends = AXES[axis].kind === 'number' ? thirds(samples, axis) : extremes(samples, axis)
    if (ends === null || ends.some(({ members }) => members.length < FEWEST)) return []
    const [low, high] = ends
    return [{ axis, why: AXES[axis].why, ends: [low.name, high.name], ratios: [geometric(low.members), geometric(high.members)] }]
  }).sort((a, b) => size(b) - size(a))
}

const FEWEST = 3
const size = ({ ratios }: Swing): number => Math.abs(Math.log(ratios[1] / ratios[0]))

interface End {
  readonly name: string
  readonly members: readonly Sample[]
}

function thirds(samples: readonly Sample[], axis: AxisName): readonly [End, End] | null {
  const sorted = [...samples].sort((a, b) => (a.point[axis] as number) - (b.point[axis] as number))
  const third = Math.floor(sorted.length / 3)
  if (third === 0) return null
  const low = sorted.slice(0, third)
  const high = sorted.slice(-third)
  return [
    { name: `<= ${low[third - 1].point[axis]}`, members: low },
    { name: `>= ${high[0].point[axis]}`, members: high },
  ]
}

function extremes(samples: readonly Sample[], axis: AxisName): readonly [End, End] | null {
  const groups = grouped(samples, ({ point }) => String(point[axis]))
  const ends = [...groups].filter(([, members]) => members.length >= FEWEST).map(([name, members]) => ({ name, members }))
  if (ends.length < 2) return null
  ends.sort((a, b) => geometric(a.members) - geometric(b.members))
  return [ends[0], ends[ends.length - 1]]
}

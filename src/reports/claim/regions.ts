/** Where in the hypercube the gain is large, small or negative, and which axis moves it. */
import { quantileSorted } from 'simple-statistics'
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
  SEED,
} from '../../experiments/claim/index.js'
import { shuffled, stream } from '../../rng.js'

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
  /**
   * How far apart the two would lie, as a log ratio, in 95 of 100 hypercubes in which the gain had nothing to do with the axis. Of a choice the ends are the
   * largest and the least of several means, so chance alone makes them differ, the more the more values there are.
   */
  readonly chance: number
}

const geometric = (samples: readonly Sample[]): number =>
  Math.exp(samples.reduce((sum, { ratio }) => sum + Math.log(ratio), 0) / samples.length)

/** Farthest beyond chance first. An axis with fewer than 3 samples at an end is left out. */
export function swings(samples: readonly Sample[]): Swing[] {
  const rng = stream(SEED, 'claim/swings')
  const ratios = samples.map(({ ratio }) => ratio)
  const dealt = Array.from({ length: DEALS }, () => {
    shuffled(ratios, rng)
    return samples.map((sample, i) => ({ ...sample, ratio: ratios[i] }))
  })
  return AXIS_NAMES.flatMap((axis): Swing[] => {
    const found = endsOf(samples, axis)
    if (found === null) return []
    const [low, high] = found
    const sizes = dealt.flatMap((one) => {
      const ends = endsOf(one, axis)
      return ends === null ? [] : [size(ratiosOf(ends))]
    })
    const chance = quantileSorted(
      sizes.sort((a, b) => a - b),
      0.95,
    )
    return [{ axis, why: AXES[axis].why, ends: [low.name, high.name], ratios: ratiosOf(found), chance }]
  }).sort((a, b) => size(b.ratios) / b.chance - size(a.ratios) / a.chance)
}

/** Times that the gains are dealt out to the points anew, to see what chance makes. */
const DEALS = 1000
const FEWEST = 3

const ratiosOf = ([low, high]: readonly [End, End]): [number, number] => [geometric(low.members), geometric(high.members)]
const size = ([low, high]: readonly [number, number]): number => Math.abs(Math.log(high / low))

/** Whether a swing is no larger than chance alone makes one time in twenty. */
export const isChance = ({ ratios, chance }: Swing): boolean => size(ratios) <= chance

function endsOf(samples: readonly Sample[], axis: AxisName): readonly [End, End] | null {
  const ends = AXES[axis].kind === 'number' ? thirds(samples, axis) : extremes(samples, axis)
  return ends === null || ends.some(({ members }) => members.length < FEWEST) ? null : ends
}

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

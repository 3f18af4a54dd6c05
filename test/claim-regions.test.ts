/** What the hypercube of the claim hangs on, told from what chance makes of it. */
import { expect, test } from 'vitest'
import { AXES, AXIS_NAMES, type Point } from '../src/experiments/claim/index.js'
import { VOID } from '../src/experiments/claim/result.js'
import { isChance, type Sample, samplesOf, swings } from '../src/reports/claim/regions.js'
import { stream } from '../src/rng.js'

/** Points with values of every axis at random. */
function pointsOf(count: number, name: string): Point[] {
  const rng = stream(1, name)
  const drawn = (axis: (typeof AXIS_NAMES)[number]) => {
    const of = AXES[axis]
    return of.kind === 'number' ? rng.uniform() : of.values[rng.integer(of.values.length)]
  }
  return Array.from({ length: count }, () => Object.fromEntries(AXIS_NAMES.map((axis) => [axis, drawn(axis)])) as Point)
}

const samplesWith = (points: readonly Point[], ratio: (point: Point) => number): Sample[] =>
  points.map((point) => ({ point, ratio: ratio(point), cell: { id: 'x' } as never }))

test('no axis is told from chance where gains have nothing to do with it, whether number or choice', () => {
  let told = 0
  const firsts: string[] = []
  for (let i = 0; i < 8; i++) {
    const rng = stream(i, 'gains')
    const found = swings(samplesWith(pointsOf(150, `points/${i}`), () => Math.exp(0.05 * rng.normal())))
    expect(found).toHaveLength(AXIS_NAMES.length)
    told += found.filter((swing) => !isChance(swing)).length
    firsts.push(AXES[found[0].axis].kind)
  }
  // one in twenty is; of 128 axes 13 or more are by chance one time in a hundred
  expect(told).toBeLessThan(13)
  // choices of many values do not come first for their number alone
  expect(firsts.filter((kind) => kind === 'number').length).toBeGreaterThan(0)
})

test('the axis that gains go by comes first, and is no chance', () => {
  const rng = stream(7, 'gains')
  const points = pointsOf(150, 'led')
  const numbers = AXIS_NAMES.filter((axis) => AXES[axis].kind === 'number')
  const led = swings(samplesWith(points, (point) => Math.exp(0.05 * rng.normal() + 0.1 * Number(point[numbers[0]]))))
  expect(led[0].axis).toBe(numbers[0])
  expect(isChance(led[0])).toBe(false)
  expect(led.slice(1).filter((swing) => !isChance(swing)).length).toBeLessThan(4)
})

test('points of arms that could not keep up are no samples', () => {
  const speeds = { 'tok_s_user.p50': [1, 1, 1, 1] }
  const cellOf = (label: string) =>
    ({
      ...VOID,
      id: label,
      void_because: null,
      offered_rps: 10,
      arms: ['tuned-static', 'shape-aware'].map((name) => ({ name, saturation: { [label]: 4 } })),
      values: { fixedLoad: { 'tuned-static': speeds, 'shape-aware': speeds } },
    }) as never
  const points = pointsOf(2, 'two')
  const cells = new Map(['stable', 'overloaded'].map((label) => [label, cellOf(label)]))
  const found = samplesOf(points, cells, (index) => ['stable', 'overloaded'][index])
  expect(found.map(({ cell }) => (cell as { id: string }).id)).toEqual(['stable'])
})

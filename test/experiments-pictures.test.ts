import { describe, expect, it } from 'vitest'
import type { Outcome } from '../src/experiments/job.js'
import { gainGrid } from '../src/experiments/pictures.js'
import { STATIC_ARM } from '../src/levers/index.js'
import { COMPLETED } from '../src/metrics/records.js'

/** Requests of `shapes` (input and output tokens), each token `tokenNs` apart. */
function pictured(name: string, shapes: readonly (readonly [number, number])[], tokenNs: number) {
  const records = {
    count: shapes.length,
    request: shapes.map((_, i) => i),
    fate: shapes.map(() => COMPLETED),
    isl: shapes.map(([isl]) => isl),
    osl: shapes.map(([, osl]) => osl),
    arrivalNs: shapes.map((_, i) => i),
    firstTokenNs: shapes.map(() => 0),
    endNs: shapes.map(([, osl]) => (osl - 1) * tokenNs),
  }
  return {
    arm: { ...STATIC_ARM, name },
    outcome: { picture: { records, window: { fromNs: 0, toNs: 100 } } } as unknown as Outcome,
  }
}

describe('the gain by shape', () => {
  it('is drawn over the bins that hold enough requests, in both directions', () => {
    const shapes = [...Array.from({ length: 8 }, () => [600, 70] as const), [100, 5], [9000, 3000]] as const
    const { isl_edges, osl_edges, ratio } = gainGrid([pictured('a', shapes, 30), pictured('b', shapes, 20)], 'a', 'b')
    expect(isl_edges).toEqual([512, 1024])
    expect(osl_edges).toEqual([64, 128])
    expect(ratio).toEqual([[1.5]])
  })
  it('leaves out the requests of the warm-up and those after the window', () => {
    const measured = Array.from({ length: 100 }, () => [600, 70] as const)
    const [slow, quick] = [pictured('a', [...measured, ...measured], 30), pictured('b', [...measured, ...measured], 20)]
    const { records } = slow.outcome.picture as unknown as { records: { endNs: number[] } }
    for (let row = 100; row < 200; row++) records.endNs[row] *= 10
    expect(gainGrid([slow, quick], 'a', 'b').ratio).toEqual([[1.5]])
  })
  it('is one empty cell where none does', () => {
    expect(gainGrid([], 'a', 'b').ratio).toEqual([[null]])
  })
})

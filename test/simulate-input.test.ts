/** What `simulate` refuses before it begins: columns made by hand that are no workload. */
import { describe, expect, it } from 'vitest'
import { createArm, STATIC_ARM } from '../src/levers/index.js'
import { clusterConfig } from '../src/scenario/index.js'
import { simulate } from '../src/simulator/index.js'
import { shapesOnly } from '../src/traces/workload.js'
import { tinyPlan, tinyWorkload } from './tinyCluster.js'

const config = clusterConfig(tinyPlan())
const good = tinyWorkload(20)
const { provenance } = good
const served = (change: (columns: { arrivalNs: Float64Array; isl: Int32Array; osl: Int32Array }) => void) => {
  const columns = { arrivalNs: good.arrivalNs.slice(), isl: good.isl.slice(), osl: good.osl.slice() }
  change(columns)
  const workload = { ...shapesOnly(columns.arrivalNs, columns.isl, columns.osl, provenance), count: good.count }
  return simulate(config, createArm(STATIC_ARM, 'seed'), workload, { load: { kind: 'open' } })
}

describe('a workload made by hand', () => {
  it('is served when its columns hold what they promise', () => {
    expect(served(() => {}).records.count).toBe(20)
  })

  it.each([Number.NaN, -1, 1.5])('is refused with a count of %d', (count) => {
    expect(() => simulate(config, createArm(STATIC_ARM, 'seed'), { ...good, count }, { load: { kind: 'open' } })).toThrow(
      `its count is ${count}`,
    )
  })

  it('is refused where sessions or parents are of fewer requests', () => {
    for (const column of ['session', 'parent', 'classId', 'tenant']) {
      const workload = { ...good, [column]: new Int32Array(3) }
      expect(() => simulate(config, createArm(STATIC_ARM, 'seed'), workload, { load: { kind: 'open' } })).toThrow(
        `${column} has 3 values for 20 requests`,
      )
    }
  })

  it('may have more prefix blocks than its input fills, those of the answers, and ids with gaps', () => {
    const blocks = {
      runOffset: Float64Array.of(0),
      runCount: Int32Array.of(1),
      runFirst: Int32Array.of(7),
      runLength: Int32Array.of(64),
    }
    const one = shapesOnly(Float64Array.of(0), Int32Array.of(20), Int32Array.of(1000), provenance)
    const workload = { ...one, ...blocks, blockTokens: 16 }
    expect(simulate(config, createArm(STATIC_ARM, 'seed'), workload, { load: { kind: 'open' } }).records.count).toBe(1)
  })

  it.each<[string, Parameters<typeof served>[0]]>([
    ['request 3 has a length below 1', ({ isl }) => isl.fill(0, 3, 4)],
    ['request 4 has a length below 1', ({ osl }) => osl.fill(-7, 4, 5)],
    ['request 5 has neither an arrival time nor a parent', ({ arrivalNs }) => arrivalNs.fill(Number.NaN, 5, 6)],
    ['request 6 has no arrival time in whole ns', ({ arrivalNs }) => arrivalNs.fill(arrivalNs[5] + 0.5, 6, 7)],
    ['request 8 arrives before the one before it', ({ arrivalNs }) => arrivalNs.fill(0, 8, 9)],
    ['osl has 19 values for 20 requests', (columns) => Object.assign(columns, { osl: columns.osl.slice(1) })],
  ])('is refused where %s', (said, change) => {
    expect(() => served(change)).toThrow(`workload  no workload can have these columns: ${said}`)
  })
})

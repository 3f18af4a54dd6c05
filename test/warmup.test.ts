/** Open runs begin with empty engines: how long until they are as full as they will be, and that no window begins before. */
import { describe, expect, test } from 'vitest'
import { createExecutor } from '../src/executors/index.js'
import { CELL_EFFORTS } from '../src/experiments/claim/effort.js'
import { FIRST_DRAW } from '../src/experiments/draw.js'
import type { Job } from '../src/experiments/job.js'
import { openTraffic } from '../src/experiments/jobTraffic.js'
import { findLoad, findOperatingPoint } from '../src/experiments/operatingPoint.js'
import { arrivalShape, capacitySize, EFFORTS, fillLives, stretchOf, tailOf } from '../src/experiments/sizing.js'
import { createArm, STATIC_ARM } from '../src/levers/index.js'
import { stream } from '../src/rng.js'
import { simulate } from '../src/simulator/index.js'
import type { Workload } from '../src/traces/workload.js'
import { contextOf, tinyContext, tinyPlan, tinyWorkload } from './tinyCluster.js'

/** Answers of 30 tokens; one in forty is of 1,500, and of those under way more than half are such. */
function heavy(count: number): Workload {
  const rng = stream(1, 'heavy')
  const flat = tinyWorkload(count, { isl: 200, osl: 30 })
  return { ...flat, osl: flat.osl.map(() => (rng.uniform() < 1 / 40 ? 1500 : 30)) }
}

describe('mean lives until an empty system is full', () => {
  test('of equal answers: nearly one', () => {
    expect(fillLives(new Int32Array(50).fill(7), 0.02)).toBeCloseTo(0.98, 9)
    expect(fillLives(new Int32Array(50).fill(7), 0.25)).toBeCloseTo(0.75, 9)
  })

  test('of exponential ones: -ln of the share that is missing', () => {
    const osl = Int32Array.from({ length: 100_000 }, (_, i) => Math.round(-10_000 * Math.log((i + 0.5) / 100_000)))
    expect(fillLives(osl, 0.02)).toBeCloseTo(-Math.log(0.02), 2)
    expect(fillLives(osl, 0.05)).toBeCloseTo(-Math.log(0.05), 2)
  })

  test('leave as many missing as was asked for, whatever the lengths', () => {
    const { osl } = heavy(2000)
    const mean = osl.reduce((sum, tokens) => sum + tokens, 0) / osl.length
    for (const share of [0.5, 0.2, 0.05, 0.02, 0.001]) {
      const at = fillLives(osl, share) * mean
      const missing = osl.reduce((sum, tokens) => sum + Math.max(0, tokens - at), 0) / osl.length / mean
      expect(missing).toBeCloseTo(share, 9)
    }
  })
})

describe('warm-ups', () => {
  const effort = EFFORTS.normal

  test('are those of the effort where answers are much alike, and of sessions; else all are longer by one factor', () => {
    const alike = arrivalShape(tinyWorkload(600))
    expect(stretchOf(effort, alike)).toBe(1)
    const shape = arrivalShape(heavy(2000))
    expect(stretchOf(effort, shape)).toBe(shape.fillUnits(0.005) / 10)
    expect(stretchOf(effort, shape)).toBeGreaterThan(1.5)
    expect(stretchOf(EFFORTS.quick, shape)).toBe(shape.fillUnits(0.02) / 10)
    expect(capacitySize(2, 10, effort, shape).warmupS).toBeCloseTo(effort.capacity.warmup * stretchOf(effort, shape) * 2, 9)
    expect(capacitySize(2, 10, effort, alike).warmupS).toBe(effort.capacity.warmup * 2)
    // the part with the longest tail decides
    expect(arrivalShape(tinyWorkload(600), [heavy(2000)]).fillUnits(0.02)).toBe(shape.fillUnits(0.02))
    const { full } = CELL_EFFORTS
    expect(stretchOf(full, shape) * full.warmup).toBe(shape.fillUnits(full.missing))
  })

  test('end when the engines hold what they will; 6 mean E2E end with a quarter of it missing', async () => {
    const sets = ['workload.load={method: superpose, rate_per_s: 8}']
    const context = tinyContext(sets, heavy(4000))
    const executor = createExecutor({ context, threads: 1 })
    const { load } = tinyPlan(sets).workload
    const search = { ...context, context, executor, effort, load, wantsCapacity: false, path: null }
    const found = await findLoad({ ...search, warmup: null })
    const stated = await findLoad({ ...search, warmup: 6 })
    await executor.close()
    expect(stated.warmup).toBe(6)
    expect(found.warmup).toBe(found.arrivals.fillUnits(effort.missing))
    const [full, early] = [found, stated].map(({ warmup, open }) => {
      const insides = Array.from({ length: 8 }, (_, replicate) => {
        const job = open(STATIC_ARM, { ...FIRST_DRAW, replicate }, warmup, 40)
        const { workload, window } = openTraffic(context, job)
        const { records } = simulate(context.config, createArm(STATIC_ARM), workload, { load: { kind: 'open' } })
        const insideAt = (timeNs: number) =>
          records.arrivalNs.reduce((sum, at, i) => sum + (at <= timeNs && timeNs < records.endNs[i] ? 1 : 0), 0)
        const late = [0.5, 0.6, 0.7, 0.8, 0.9, 1].map((share) => insideAt(window.fromNs + share * (window.toNs - window.fromNs)))
        return [insideAt(window.fromNs), late.reduce((sum, one) => sum + one, 0) / late.length]
      })
      const [begin, end] = [0, 1].map((i) => insides.reduce((sum, one) => sum + one[i], 0))
      return begin / end
    })
    expect(full).toBeGreaterThan(0.9)
    expect(early).toBeLessThan(0.85)
  })
})

describe('tails', () => {
  const effort = EFFORTS.normal

  test('are two mean E2E where answers are much alike, and of sessions; else as long as it takes to fill an empty system', () => {
    const shape = arrivalShape(heavy(2000))
    expect(tailOf(effort, arrivalShape({ ...tinyWorkload(600), osl: new Int32Array(600).fill(50) }))).toBe(2)
    expect(tailOf(effort, shape)).toBe(shape.fillUnits(0.005))
    expect(tailOf(EFFORTS.quick, shape)).toBe(shape.fillUnits(0.02))
    // of the claim, as it was frozen
    expect(tailOf(CELL_EFFORTS.full, shape)).toBe(2)
  })

  test('end when those of the window have left; after 2 mean E2E a quarter of them is still inside', async () => {
    const sets = ['workload.load={method: superpose, rate_per_s: 8}']
    const context = tinyContext(sets, heavy(4000))
    const executor = createExecutor({ context, threads: 1 })
    const { load } = tinyPlan(sets).workload
    const search = { ...context, context, executor, load, wantsCapacity: false, path: null, warmup: null }
    const found = await Promise.all([effort, { ...effort, left: undefined }].map((one) => findLoad({ ...search, effort: one })))
    await executor.close()
    const [full, short] = found.map(({ warmup, open }) => {
      let inside = 0
      let left = 0
      for (let replicate = 0; replicate < 8; replicate++) {
        const job = open(STATIC_ARM, { ...FIRST_DRAW, replicate }, warmup, 10)
        const { workload, window } = openTraffic(context, job)
        const { records } = simulate(context.config, createArm(STATIC_ARM), workload, { load: { kind: 'open' } })
        const tailNs = job.tailS * 1e9
        records.arrivalNs.forEach((at, i) => {
          if (at >= window.toNs || records.endNs[i] <= window.toNs) return
          inside++
          if (records.endNs[i] > window.toNs + tailNs) left++
        })
      }
      return left / inside
    })
    expect(full).toBeLessThan(0.03)
    expect(short).toBeGreaterThan(0.2)
  })

  test('of settings that are tuned are short: the median speed tells them apart', async () => {
    for (const load of ['{method: superpose, rate_per_s: 8}', '{method: closed_loop, concurrency: 4}']) {
      const plan = tinyPlan([`workload.load=${load}`])
      const workload = heavy(4000)
      const context = contextOf(plan, workload)
      const executor = createExecutor({ context, threads: 1 })
      const idle = { stage: () => {}, done: () => {} }
      const point = await findOperatingPoint({
        ...idle,
        plan,
        config: context.config,
        workload,
        context,
        executor,
        effort: { ...EFFORTS.quick, left: 0.005 },
      })
      await executor.close()
      const unit = point.closed ? 1 : point.unitS
      const tailOfJob = (job: Job) => (job.kind === 'closed' ? job.tail : job.tailS) / unit
      const judged = point.closed ? point.closedLoop(STATIC_ARM, FIRST_DRAW, 2, 3) : point.open(STATIC_ARM, FIRST_DRAW, 2, 3)
      expect(tailOfJob(point.tuning(STATIC_ARM, FIRST_DRAW, { keep: 2, warmup: 2, measure: 2 }))).toBeCloseTo(2, 9)
      expect(tailOfJob(judged)).toBeCloseTo(point.arrivals.fillUnits(0.005), 9)
    }
  })
})

/** Needs dist/ (built by `npm test`): worker threads run compiled code. */
import { setTimeout } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { PolicyError, UserError } from '../src/errors.js'
import { BEAT, DRAWING } from '../src/executors/beat.js'
import { errorOf, failureOf } from '../src/executors/failure.js'
import { createExecutor } from '../src/executors/index.js'
import { createStallWatch } from '../src/executors/stallWatch.js'
import { threadExecutor } from '../src/executors/threads.js'
import { type Job, type JobContext, type Outcome, runJob } from '../src/experiments/job.js'
import { SHAPE_AWARE_ARM, STATIC_ARM } from '../src/levers/catalogue.js'
import type { ArmSpec } from '../src/levers/lever.js'
import { tinyContext } from './tinyCluster.js'

const WORKER = new URL('../dist/executors/worker.js', import.meta.url)
const fixture = (name: string) => new URL(`./fixtures/workers/${name}.mjs`, import.meta.url)
const EMPTY = {} as JobContext

const closed = (arm: ArmSpec, replicate: number, keep: 'summary' | 'picture' = 'summary'): Job => ({
  kind: 'closed',
  arm,
  draw: { part: 'test', mode: 'draw', replicate },
  concurrency: 16,
  warmupRequests: 16,
  requests: 60,
  tail: 2,
  keep,
})
const capacity = (arm: ArmSpec): Job => ({
  kind: 'capacity',
  arm,
  draw: { part: 'train', mode: 'draw', replicate: 0 },
  guessPerS: 10,
  fewest: 0,
  warmupS: 1,
  measureS: 4,
  tailS: 1,
  e2eS: 1,
})
const JOBS = [
  closed(STATIC_ARM, 0, 'picture'),
  closed(SHAPE_AWARE_ARM, 0),
  capacity(STATIC_ARM),
  closed(STATIC_ARM, 1),
  closed(SHAPE_AWARE_ARM, 1, 'picture'),
]

describe('outcomes', () => {
  test('do not depend on the number of threads, byte for byte, and come in the order of the jobs', async () => {
    const context = tinyContext()
    const inline = createExecutor({ context, threads: 1 })
    const pool = threadExecutor({ context, threads: 2 }, { worker: WORKER })
    try {
      const done: Outcome[] = []
      const [one, two] = [await inline.run(JOBS), await pool.run(JOBS, (outcome) => done.push(outcome))]
      // columns of typed arrays would otherwise print as mappings of thousands of keys
      const text = (outcomes: Outcome[]) =>
        JSON.stringify(outcomes, (_, value) => (ArrayBuffer.isView(value) ? Array.from(value as Float64Array) : value))
      expect(text(two)).toBe(text(one))
      expect(done).toHaveLength(JOBS.length)
    } finally {
      await pool.close()
    }
  })
})

describe('a failing job', () => {
  const wrong: ArmSpec = { ...STATIC_ARM, name: 'mine', split: 'fixed-cuont(8)' }

  test.each([
    ['inline', (context: JobContext) => createExecutor({ context, threads: 1 })],
    ['threads', (context: JobContext) => threadExecutor({ context, threads: 2 }, { worker: WORKER })],
  ])('stays a UserError that names the arm: %s', async (_name, create) => {
    const executor = create(tinyContext())
    try {
      const error = await executor.run([closed(STATIC_ARM, 0), closed(wrong, 3)]).catch((reason) => reason)
      expect(error).toBeInstanceOf(UserError)
      expect(error.faults[0].where).toBe('arm mine (closed, replicate 3): arms.mine.split')
      expect(error.faults[0].hint).toMatch(/did you mean 'fixed-count'\?/)
    } finally {
      await executor.close()
    }
  })

  test('a thread that exits gives an error that names the arm, and no hang', async () => {
    const executor = threadExecutor({ context: EMPTY, threads: 1 }, { worker: fixture('exits') })
    try {
      await expect(executor.run([closed(STATIC_ARM, 2)])).rejects.toThrow(/^arm static \(closed, replicate 2\): .*exit/)
    } finally {
      await executor.close()
    }
  })

  test('a thread out of memory gives an error that names the arm, and no hang', async () => {
    const executor = threadExecutor({ context: EMPTY, threads: 1 }, { worker: fixture('exhausts'), heapMb: 32 })
    try {
      await expect(executor.run([closed(STATIC_ARM, 2)])).rejects.toThrow(/^arm static \(closed, replicate 2\): .*memory/)
    } finally {
      await executor.close()
    }
  })

  /** Why two threads of this worker refused each of four jobs, which came after so many ms. */
  async function refusalsOf(worker: string, afterMs: number): Promise<string[]> {
    const executor = threadExecutor({ context: EMPTY, threads: 2 }, { worker: fixture(worker) })
    try {
      if (afterMs > 0) await setTimeout(afterMs)
      const jobs = [0, 1, 2, 3].map((replicate) => closed(STATIC_ARM, replicate))
      const all = await Promise.allSettled(jobs.map((job) => executor.run([job])))
      expect(all.map(({ status }) => status)).toEqual(jobs.map(() => 'rejected'))
      return (all as PromiseRejectedResult[]).map(({ reason }) => reason.message)
    } finally {
      await executor.close()
    }
  }

  test.each(['before there is a job', 'with jobs in line'])(
    'threads that do not start give the reason, and no hang: %s',
    async (when) => {
      const reasons = await refusalsOf('unready', when === 'before there is a job' ? 400 : 0)
      for (const reason of reasons) expect(reason).toContain('too few files may be open')
    },
  )

  test('threads that end as they start, without an error, leave nobody waiting', async () => {
    for (const reason of await refusalsOf('gone', 0)) expect(reason).toContain('worker exited with code: 3')
  })

  test('a worker that serves no event any more is ended; the error names arm, event and policies', async () => {
    const executor = threadExecutor({ context: EMPTY, threads: 1, stallMs: 200 }, { worker: fixture('endless') })
    try {
      const error = await executor.run([closed(SHAPE_AWARE_ARM, 0)]).catch((reason) => reason)
      expect(error).toBeInstanceOf(UserError)
      expect(error.message).toMatch(/arms\.shape-aware {2}no event was served for 0\.2 s after event 3 \(t = 2\.5 s\)/)
      expect(error.message).toContain('length-aware')
    } finally {
      await executor.close()
    }
  })
})

describe('errors as plain data', () => {
  const job = closed(STATIC_ARM, 4)
  const sent = (error: unknown) => errorOf(structuredClone(failureOf(error)), job)

  test('keep their kind, their message and where they were thrown', () => {
    const policy = sent(new PolicyError({ name: 'fixed-count(8)' }, 'returned NaN'))
    expect(policy).toBeInstanceOf(PolicyError)
    expect(policy.message).toBe('policy fixed-count(8): returned NaN [arm static (closed, replicate 4)]')
    expect(policy.stack).toContain('executors.test.ts')
    const range = sent(new RangeError('Invalid array length'))
    expect([range.name, range.message]).toEqual(['RangeError', 'arm static (closed, replicate 4): Invalid array length'])
    expect(sent('a string').message).toMatch(/a string$/)
  })
})

describe('the watch over heartbeats', () => {
  const jobs = [closed(STATIC_ARM, 0), closed(SHAPE_AWARE_ARM, 0)]

  test('sees a job under way whose events stand still, and no other', () => {
    const beats = new Float64Array(2 * BEAT)
    const watch = createStallWatch(jobs, beats, 1000, 0)
    expect(watch.look(5000), 'nothing has begun').toBeNull()
    beats.set([1, 10, 1e9], 0)
    beats.set([1, 7, 3e9], BEAT)
    expect(watch.look(6000), 'first sight').toBeNull()
    beats[1] = 11
    expect(watch.look(6999)).toBeNull()
    expect(watch.look(7000)?.faults[0]).toMatchObject({ where: 'arms.shape-aware' })
    beats[BEAT] = 2
    expect(watch.look(7500), 'the second has ended, the first moved at 6999').toBeNull()
    expect(watch.look(7999)?.message).toMatch(/arms\.static {2}no event was served for 1 s after event 11 \(t = 1 s\)/)
  })

  test('waits for traffic that is drawn, however long that takes, and counts from its end', () => {
    const beats = new Float64Array(2 * BEAT)
    const watch = createStallWatch(jobs, beats, 1000, 0)
    beats[0] = DRAWING
    for (const nowMs of [500, 1500, 90_000]) expect(watch.look(nowMs)).toBeNull()
    beats[0] = 1
    expect(watch.look(90_900)).toBeNull()
    expect(watch.look(91_000)?.faults[0]).toMatchObject({ where: 'arms.static' })
  })

  test('is told when traffic is drawn, before the simulations of it', () => {
    for (const job of JOBS.slice(0, 3)) {
      const told: string[] = []
      const tell = (what: string) => told[told.length - 1] !== what && told.push(what)
      runJob(tinyContext(), job, {
        onProgress: () => tell('simulates'),
        onDrawing: (isUnderWay) => tell(isUnderWay ? 'draws' : 'drew'),
      })
      expect(told.length % 3, told.join()).toBe(0)
      for (let at = 0; at < told.length; at += 3) expect(told.slice(at, at + 3)).toEqual(['draws', 'drew', 'simulates'])
    }
  })
})

describe('an abort', () => {
  test('ends jobs under way, even one that never gives way', async () => {
    const controller = new AbortController()
    const executor = threadExecutor({ context: EMPTY, threads: 1, signal: controller.signal }, { worker: fixture('endless') })
    try {
      const running = executor.run([closed(STATIC_ARM, 0)]).catch((reason) => reason)
      void setTimeout(150).then(() => controller.abort())
      expect((await running).name).toBe('AbortError')
      await expect(executor.run([closed(STATIC_ARM, 0)])).rejects.toMatchObject({ name: 'AbortError' })
    } finally {
      await executor.close()
    }
  })

  test('is heard between jobs in this thread', async () => {
    const controller = new AbortController()
    const executor = createExecutor({ context: tinyContext(), threads: 1, signal: controller.signal })
    let done = 0
    const running = executor.run([closed(STATIC_ARM, 0), closed(STATIC_ARM, 1)], () => {
      done++
      void setTimeout(0).then(() => controller.abort())
    })
    await expect(running).rejects.toMatchObject({ name: 'AbortError' })
    expect(done).toBeGreaterThan(0)
  })
})

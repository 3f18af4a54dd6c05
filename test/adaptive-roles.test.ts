/** Engines that change between prefill and decode: when the policy wants it, and what comes of it. */
import { describe, expect, test } from 'vitest'
import { createArm, parsePolicy, STATIC_ARM } from '../src/levers/catalogue.js'
import type { RolesView } from '../src/levers/lever.js'
import { type EngineConfig, NO_FABRIC, PLAIN_CLUSTER } from '../src/simulator/config.js'
import { createSimulation, simulate } from '../src/simulator/index.js'
import { engineOf, evenSteps, traffic } from './byHand.js'
import { MACHINES } from './levers/families.js'

const REQUEST = { inputTokens: 100, classId: 0, tenant: 0 }

interface Seen {
  role: 'prefill' | 'decode'
  running: number
  drains?: boolean
  keeps?: boolean
}

/** Engines of one GPU, ten places and a hundred blocks that nobody holds. */
function view(nowS: number, engines: readonly Seen[]): RolesView {
  return {
    nowNs: nowS * 1e9,
    count: engines.length,
    role: (at) => engines[at].role,
    isDraining: (at) => engines[at].drains ?? false,
    maySwitch: (at) => !engines[at].keeps && !engines[at].drains,
    gpus: () => 1,
    places: () => 10,
    running: (at) => engines[at].running,
    waiting: () => 0,
    queuedTokens: () => 0,
    blocks: () => 100,
    freeBlocks: () => 100,
  }
}
const prefill = (running: number, more: Partial<Seen> = {}): Seen => ({ role: 'prefill', running, ...more })
const decode = (running: number, more: Partial<Seen> = {}): Seen => ({ role: 'decode', running, ...more })

describe('adaptive-roles', () => {
  const policy = () => {
    const made = parsePolicy('pool', 'adaptive-roles(dwell=30,memory=1,hysteresis=0.2)')()
    return (nowS: number, engines: readonly Seen[]) => made.switchRole?.(view(nowS, engines), REQUEST)
  }
  const busyPrefill = [prefill(5), prefill(5), decode(2), decode(1), decode(2), decode(1)]

  test('prefill has all it can do and decode little: the emptiest decode engine that may shall change, once its time has come', () => {
    const ask = policy()
    expect(ask(10, busyPrefill)).toBe(-1)
    expect(ask(40, busyPrefill)).toBe(3)
    expect(ask(41, busyPrefill)).toBe(-1)
    expect(ask(80, busyPrefill)).toBe(3)
    expect(
      policy()(
        80,
        busyPrefill.map((engine, at) => (at === 3 ? { ...engine, keeps: true } : engine)),
      ),
    ).toBe(5)
  })
  test('and the other way round', () => {
    expect(policy()(60, [prefill(1), prefill(0), prefill(0), prefill(0), decode(10), decode(9)])).toBe(1)
  })
  test('it leaves a balance alone, and what is off by less than its hysteresis', () => {
    expect(policy()(60, [prefill(3), prefill(3), decode(10), decode(10)])).toBe(-1)
    // 2 of 3.4 GPUs of work: 2.35 of 4 engines, two of them there
    expect(policy()(60, [prefill(3), prefill(3), decode(7), decode(7)])).toBe(-1)
  })
  test('it waits for the one that drains', () => {
    expect(
      policy()(
        60,
        busyPrefill.map((engine, at) => (at === 2 ? { ...engine, drains: true } : engine)),
      ),
    ).toBe(-1)
  })
})

function engine(index: number, role: 'prefill' | 'decode'): EngineConfig {
  const limits = { maxNumSeqs: 16, maxNumBatchedTokens: 4096, maxModelLen: 8192, numGpuBlocks: 16384 }
  const common = { ...limits, name: `engine-${index}`, machine: Object.values(MACHINES)[0] }
  const inRole = (given: 'prefill' | 'decode') =>
    engineOf({ ...evenSteps(given === 'decode' ? 10e6 : 11e6), localPs: 20e6 }, { ...common, role: given })
  return { ...inRole(role), switched: inRole(role === 'decode' ? 'prefill' : 'decode') }
}

/** Two minutes of long prompts and short answers, then two of short prompts and long answers: 3.5 engines of prefill, then 3.8 of decode. */
function drifting() {
  const isl: number[] = []
  const osl: number[] = []
  const at: number[] = []
  for (let ms = 0; ms < 240_000; ms += 26) {
    const isEarly = ms < 120_000
    at.push(ms * 1e6)
    isl.push(isEarly ? 4000 : 100)
    osl.push(isEarly ? 4 : 160)
  }
  return traffic(at, isl, osl)
}

const engines = [0, 1, 2, 3, 4, 5].map((index) => engine(index, index < 3 ? 'prefill' : 'decode'))
const fabric = { ...NO_FABRIC, nvlinkBytesPerNs: 100 }
const config = { ...PLAIN_CLUSTER, engines, fabric }
const arm = (pool: string) => createArm({ ...STATIC_ARM, name: 'mine', split: 'occupancy-rule', pool })
const adaptive = 'adaptive-roles(dwell=5,memory=5,hysteresis=0.2)'

describe('traffic that drifts from prompts to answers', () => {
  test('roles follow it: everybody is served, sooner than by roles that stay', () => {
    const workload = drifting()
    const run = (pool: string) => simulate(config, arm(pool), workload, { load: { kind: 'open' } })
    const meanMs = ({ records }: ReturnType<typeof run>) =>
      records.endNs.slice(0, records.count).reduce((sum, endNs, i) => sum + endNs - records.arrivalNs[i], 0) / records.count / 1e6
    const fixed = run('least-loaded')
    const moving = run(adaptive)
    expect(moving.records.count).toBe(workload.count)
    expect(moving.records.fate.slice(0, workload.count).every((fate) => fate === 0)).toBe(true)
    expect(fixed.statistics.roleChanges).toBe(0)
    expect(moving.statistics.roleChanges).toBeGreaterThan(2)
    expect(moving.statistics.roleChanges).toBeLessThan(30)
    expect(meanMs(moving)).toBeLessThan(0.8 * meanMs(fixed))
  })

  test('a run that is saved while an engine drains goes on in the same roles', () => {
    const workload = drifting()
    const start = () => {
      const simulation = createSimulation(config, arm(adaptive), { load: { kind: 'open' } })
      simulation.feed(workload)
      simulation.feed(null)
      return simulation
    }
    const first = start()
    first.advance(60e9, Number.POSITIVE_INFINITY)
    const second = createSimulation(config, arm(adaptive), { load: { kind: 'open' } })
    second.restore(first.snapshot())
    second.feed(workload)
    second.feed(null)
    for (const simulation of [first, second]) simulation.advance(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)
    expect(second.statistics()).toEqual(first.statistics())
    expect(second.drain().endNs).toEqual(first.drain().endNs)
  })
})

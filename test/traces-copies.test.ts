/** Whatever cuts, draws or repeats a workload keeps sessions whole, and classes, tenants and prefix blocks with their requests. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { blockIdsOf, createBlockBuilder } from '../src/traces/blocks.js'
import { workloadFault } from '../src/traces/contract.js'
import { createCopies } from '../src/traces/copies.js'
import { closedLoopTraffic, countArrivals, offeredTraffic, repeatTo, splitInTime } from '../src/traces/load.js'
import { countJoins } from '../src/traces/relations.js'
import { closedSessions, unitsOf } from '../src/traces/sessions.js'
import type { Workload } from '../src/traces/workload.js'
import { NS_PER_S } from '../src/units.js'
import { traffic } from './byHand.js'

/** Input tokens of row 0; those of row i are i more, so a request says where it comes from. */
const FIRST_ISL = 1000

const row = fc.record({
  gapNs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3 * NS_PER_S })),
  /** How far before it its parent stands, 0: it has none. */
  follows: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 4 })),
  waits: fc.boolean(),
  waitNs: fc.integer({ min: 0, max: 1e10 }),
  joins: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 4 })),
  classId: fc.integer({ min: 0, max: 2 }),
  tenant: fc.integer({ min: 0, max: 3 }),
  /** Blocks kept of the request before it, and new ones. */
  shared: fc.integer({ min: 0, max: 6 }),
  fresh: fc.integer({ min: 0, max: 4 }),
})

/** Workloads with sessions, forks, joins and prefix blocks; `isTimeless`: all sessions begin at 0. */
const recorded = fc
  .record({
    rows: fc.array(row, { minLength: 20, maxLength: 80, size: 'max' }),
    /** Trees of requests in a session, 0: sessions have no numbers. */
    treesInSession: fc.integer({ min: 0, max: 2 }),
    isTimeless: fc.boolean(),
    hasBlocks: fc.boolean(),
  })
  .map(({ rows, treesInSession, isTimeless, hasBlocks }): Workload => {
    let nowNs = 0
    const parent = Int32Array.from(rows, ({ follows }, i) => (follows === 0 || follows > i ? -1 : i - follows))
    const arrivalNs = Float64Array.from(rows, ({ gapNs, waits }, i) => {
      if (!isTimeless) nowNs += gapNs
      return parent[i] >= 0 && (waits || isTimeless) ? Number.NaN : nowNs
    })
    const roots: number[] = []
    for (let i = 0; i < rows.length; i++) roots.push(parent[i] < 0 ? i : roots[parent[i]])
    const joins = Int32Array.from(rows, ({ joins: far }, i) =>
      far > 0 && i + far < rows.length && parent[i + far] >= 0 ? i + far : -1,
    )
    const builder = createBlockBuilder()
    let last: number[] = []
    let ids = 0
    for (const { shared, fresh } of rows) {
      last = [...last.slice(0, shared), ...Array.from({ length: fresh }, () => ids++)]
      builder.next()
      for (const id of last) builder.push(id)
    }
    const numbers = new Map([...new Set(roots)].map((root, i) => [root, Math.floor(i / Math.max(1, treesInSession))]))
    return {
      ...traffic(
        arrivalNs,
        rows.map((_, i) => FIRST_ISL + i),
        rows.map((_, i) => 1 + (i % 50)),
      ),
      classId: Uint16Array.from(rows, ({ classId }) => classId),
      tenant: Int32Array.from(rows, ({ tenant }) => tenant),
      session: treesInSession > 0 ? Int32Array.from(roots, (root) => numbers.get(root) as number) : null,
      parent,
      waitNs: Float64Array.from(rows, ({ waitNs }, i) => (parent[i] < 0 ? 0 : waitNs)),
      joins,
      joinCount: countJoins(parent, joins),
      ...(hasBlocks ? (builder.columns() ?? {}) : {}),
      blockTokens: hasBlocks && ids > 0 ? 16 : 0,
    }
  })

const sourceOf = (made: Workload, i: number): number => made.isl[i] - FIRST_ISL
const sharedBlocks = (a: Int32Array, b: Int32Array): number => {
  let shared = 0
  while (shared < a.length && shared < b.length && a[shared] === b[shared]) shared++
  return shared
}

/**
 * What is wrong with `made` of `part`; `isTimed`: requests with a time of their own keep their distance from the beginning of their session. `rests`:
 * rows of sessions of which a part is left, so that they need not be whole.
 */
function faultsOf(part: Workload, made: Workload, isTimed: boolean, rests: ArrayLike<number> = []): string[] {
  const faults: string[] = []
  const isRest = new Set(Array.from(rests))
  const check = (holds: boolean, what: string): void => {
    if (!holds) faults.push(what)
  }
  check(workloadFault(made) === null, String(workloadFault(made)))
  check(made.names === part.names && made.blockTokens === part.blockTokens, 'names or block size lost')
  for (let i = 0; i < made.count; i++) {
    const source = sourceOf(made, i)
    check(made.osl[i] === part.osl[source], `row ${i}: output`)
    for (const column of ['classId', 'tenant'] as const)
      check(made[column]?.[i] === part[column]?.[source], `row ${i}: ${column}`)
    for (const column of ['waitNs', 'joinCount'] as const)
      check(isRest.has(i) || made[column]?.[i] === part[column]?.[source], `row ${i}: ${column}`)
    for (const column of ['parent', 'joins'] as const) {
      if (isRest.has(i)) continue
      const [to, of] = [made[column]?.[i] ?? -1, part[column]?.[source] ?? -1]
      check(to < 0 ? of < 0 : sourceOf(made, to) === of, `row ${i}: ${column}`)
    }
    check(blockIdsOf(made, i).length === blockIdsOf(part, source).length, `row ${i}: number of blocks`)
  }
  const units = unitsOf(made)
  const sizes = unitsOf(part)
  const sizeOf = new Map(
    Array.from({ length: sizes.count }, (_, u) => [sizes.rows[sizes.offset[u]], sizes.offset[u + 1] - sizes.offset[u]]),
  )
  for (let u = 0; u < units.count; u++) {
    const members = [...units.rows.slice(units.offset[u], units.offset[u + 1])]
    const isWhole = !isRest.has(members[0])
    check(!isWhole || sizeOf.get(sourceOf(made, members[0])) === members.length, `unit ${u} is not whole`)
    for (const i of members) {
      const [from, to] = [sourceOf(made, members[0]), sourceOf(made, i)]
      const apartNs = part.arrivalNs[to] - part.arrivalNs[from]
      if (isTimed && isWhole)
        check(Object.is(made.arrivalNs[i] - made.arrivalNs[members[0]], apartNs), `row ${i}: time in its session`)
      check(
        sharedBlocks(blockIdsOf(made, i), blockIdsOf(made, members[0])) ===
          sharedBlocks(blockIdsOf(part, to), blockIdsOf(part, from)),
        `row ${i}: blocks shared with its session`,
      )
    }
  }
  // a session number stands for one play of one session
  const playOf = new Map<number, string>()
  for (let u = 0; u < units.count && made.session !== null; u++)
    for (const i of units.rows.slice(units.offset[u], units.offset[u + 1])) {
      const play = `${u}/${part.session?.[sourceOf(made, i)]}`
      check((playOf.get(made.session[i]) ?? play) === play, `row ${i}: session ${made.session[i]} is two`)
      playOf.set(made.session[i], play)
    }
  check(new Set(playOf.values()).size === playOf.size, 'a session has two numbers')
  // strangers share no more than their sources do, and a request shares nothing with another play of itself
  for (let i = 0; i < made.count; i += 3)
    for (let j = i + 1; j < made.count; j += 5) {
      const [a, b] = [sourceOf(made, i), sourceOf(made, j)]
      const most = a === b ? 0 : sharedBlocks(blockIdsOf(part, a), blockIdsOf(part, b))
      check(sharedBlocks(blockIdsOf(made, i), blockIdsOf(made, j)) <= most, `rows ${i} and ${j} share blocks`)
    }
  return faults
}

function holds(property: (part: Workload) => string[]): void {
  fc.assert(
    fc.property(recorded, (part) => {
      const faults = property(part)
      if (faults.length > 0) throw new Error(faults.slice(0, 5).join('\n'))
    }),
    { numRuns: 120, seed: 7 },
  )
}

describe('sessions stay whole, with their blocks', () => {
  test('the drawn workloads are workloads', () => holds((part) => faultsOf(part, part, true)))

  test('when a trace is cut in time: every session is in one part', () =>
    holds((part) => {
      const [first, second] = [splitInTime(part, 0, 0.4), splitInTime(part, 0.4, 1)]
      return [
        ...faultsOf(part, first, true),
        ...faultsOf(part, second, true),
        ...(first.count + second.count === part.count ? [] : ['a request is lost']),
        ...[first, second].flatMap((half) =>
          sharedBlocksOfAll(half) === sharedBlocksOfAll(part, half) ? [] : ['blocks shared between sessions are lost'],
        ),
      ]
    }))

  test('when copies are superposed', () =>
    holds((part) => {
      const request = {
        part,
        ratePerS: 2,
        durationNs: 60 * NS_PER_S,
        seed: 3,
        replicate: 1,
        mode: 'mix' as const,
        e2eNs: NS_PER_S,
      }
      const { workload, begunBefore } = offeredTraffic(request)
      return faultsOf(part, workload, true, begunBefore)
    }))

  test('when shapes are drawn for a closed loop', () =>
    holds((part) => {
      const made = closedLoopTraffic({ part, count: 150, seed: 3, replicate: 1, mode: 'draw' })
      const late = made.arrivalNs.some((timeNs, i) => ((made.parent?.[i] ?? -1) < 0 ? timeNs !== 0 : !Number.isNaN(timeNs)))
      return [...faultsOf(part, made, false), ...(late ? ['not every request with a parent waits'] : [])]
    }))

  test('when the trace is repeated', () => holds((part) => faultsOf(part, repeatTo(part, 200), true)))
})

/** Blocks that every request shares with the one before it; `half`: of its requests only. */
function sharedBlocksOfAll(part: Workload, half: Workload = part): number {
  let shared = 0
  for (let i = 1; i < half.count; i++) {
    const [a, b] = half === part ? [i - 1, i] : [sourceOf(half, i - 1), sourceOf(half, i)]
    shared += sharedBlocks(blockIdsOf(part, a), blockIdsOf(part, b))
  }
  return shared
}

describe('sessions of a trace without times', () => {
  const chains = (sessions: number): Workload => ({
    ...traffic(
      Float64Array.from({ length: 3 * sessions }, (_, i) => (i % 3 === 0 ? 0 : Number.NaN)),
      Int32Array.from({ length: 3 * sessions }, (_, i) => FIRST_ISL + i),
      new Int32Array(3 * sessions).fill(9),
    ),
    parent: Int32Array.from({ length: 3 * sessions }, (_, i) => (i % 3 === 0 ? -1 : i - 1)),
  })
  test('begin as a Poisson process at the rate asked for, sessions a second', () => {
    const part = chains(40)
    const { workload, copies } = offeredTraffic({
      part,
      ratePerS: 5,
      durationNs: 1000 * NS_PER_S,
      seed: 1,
      replicate: 0,
      mode: 'draw',
      e2eNs: 0,
    })
    const starts = workload.arrivalNs.filter((timeNs) => !Number.isNaN(timeNs))
    // Poisson: 5000 +- 71
    expect(Math.abs(starts.length - 5000)).toBeLessThan(212)
    expect(workload.count).toBe(3 * starts.length)
    expect(copies).toBeGreaterThan(starts.length / 40)
    const gaps = starts.slice(1).map((timeNs, i) => (timeNs - starts[i]) / NS_PER_S)
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length
    const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length
    expect(Math.abs(Math.sqrt(variance) / mean - 1)).toBeLessThan(0.05)
  })
  test('are divided by their number', () => {
    const part = chains(10)
    expect([splitInTime(part, 0, 0.3), splitInTime(part, 0.3, 1)].map(countArrivals)).toEqual([3, 7])
  })
})

test('a unit is what sessions, parents and joins hold together', () => {
  const plain = traffic(new Float64Array(6), new Int32Array(6).fill(1), new Int32Array(6).fill(1))
  const rowsOf = (columns: Partial<Workload>) => {
    const { count, offset, rows } = unitsOf({ ...plain, ...columns })
    return Array.from({ length: count }, (_, u) => [...rows.slice(offset[u], offset[u + 1])])
  }
  expect(rowsOf({})).toEqual([[0], [1], [2], [3], [4], [5]])
  expect(rowsOf({ session: Int32Array.of(0, 1, 0, -1, -1, 1) })).toEqual([[0, 2], [1, 5], [3], [4]])
  expect(rowsOf({ parent: Int32Array.of(-1, 0, -1, 1, -1, 2) })).toEqual([[0, 1, 3], [2, 5], [4]])
  expect(rowsOf({ parent: Int32Array.of(-1, -1, -1, -1, 2, -1), joins: Int32Array.of(4, -1, -1, 5, -1, -1) })).toEqual([
    [0, 2, 4],
    [1],
    [3, 5],
  ])
})

test('recorded sessions can be closed; without sessions that is refused', () => {
  const part: Workload = {
    ...traffic([0, 5, 9], [1, 2, 3], [1, 1, 1]),
    parent: Int32Array.of(-1, 0, -1),
  }
  expect([...closedSessions(part).arrivalNs]).toEqual([0, Number.NaN, 9])
  expect(() => closedSessions({ ...part, parent: null })).toThrow(/no request of the trace follows another one/)
})

test('prompts of different worlds share no block, however many worlds there are', () => {
  const builder = createBlockBuilder()
  builder.next()
  builder.pushRun(0, 3)
  const one = {
    ...traffic([0], [FIRST_ISL], [1]),
    ...builder.columns(),
    blockTokens: 16,
  }
  const copies = createCopies(one, unitsOf(one), 4)
  const worlds = [0, 1, 2 ** 22, 2 ** 22 + 1, 2 ** 31 - 1]
  for (const world of worlds) copies.add(0, world, world)
  const result = copies.workload()
  expect(workloadFault(result)).toBeNull()
  expect(worlds.flatMap((_, i) => [...blockIdsOf(result, i)])).toEqual(Array.from({ length: 15 }, (_, id) => id))
})

test.each([0.3, 1, 2.5])('traffic at %f times the recorded rate has that rate', (times) => {
  const part = traffic(
    Float64Array.from({ length: 600 }, (_, i) => i * NS_PER_S),
    new Int32Array(600).fill(FIRST_ISL),
    new Int32Array(600).fill(1),
  )
  const durationNs = 10_000 * NS_PER_S
  const { workload } = offeredTraffic({ part, ratePerS: times, durationNs, seed: 4, replicate: 0, mode: 'draw', e2eNs: 0 })
  // minutes hold 60 requests each, so only the thinning is by chance
  expect(Math.abs(workload.count / 10_000 / times - 1)).toBeLessThan(0.05)
})

describe('requests that all come at once', () => {
  const count = 400
  const lengths = traffic(
    new Array(count).fill(7),
    Array.from({ length: count }, (_, i) => FIRST_ISL + i),
    new Array(count).fill(5),
  )

  test('are divided by their number', () => {
    const [first, second] = [splitInTime(lengths, 0, 0.5), splitInTime(lengths, 0.5, 1)]
    expect([...first.isl, ...second.isl]).toEqual([...lengths.isl])
    expect(first.count).toBe(count / 2)
  })

  test('are drawn one by one for a closed loop, in another order in every replicate', () => {
    const drawn = (replicate: number) => closedLoopTraffic({ part: lengths, count, seed: 1, replicate, mode: 'draw' }).isl
    expect(new Set(drawn(0)).size).toBeGreaterThan(count / 2)
    expect([...drawn(1)]).not.toEqual([...drawn(0)])
    expect([...drawn(0)]).toEqual([...drawn(0)])
  })
})

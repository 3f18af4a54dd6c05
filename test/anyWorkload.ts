/** Workloads of every kind that the contract allows: sessions that fork and join, prefix blocks, classes, tenants, names, odd provenance. */
import fc from 'fast-check'
import { createBlockBuilder } from '../src/traces/blocks.js'
import { shapesOnly, type Workload } from '../src/traces/workload.js'

const INT32 = 2 ** 31 - 1
const LATEST_NS = 2 ** 53

const int32 = (min: number, max: number, count: number) =>
  fc.array(fc.integer({ min, max }), { minLength: count, maxLength: count }).map((values) => Int32Array.from(values))

export const provenance = fc.record({
  name: fc.string({ maxLength: 20 }),
  format: fc.constantFrom('azure', 'mooncake', 'csv', 'generated'),
  note: fc.string({ unit: 'grapheme', maxLength: 50 }),
  rowsRead: fc.nat(),
  rowsSkipped: fc.nat(),
})

const sortedTimes = (count: number) =>
  fc
    .array(fc.oneof(fc.integer({ min: 0, max: 1e6 }), fc.integer({ min: 0, max: LATEST_NS })), {
      minLength: count,
      maxLength: count,
    })
    .map((times) => Float64Array.from(times).sort())

/** Sessions: some requests wait for an earlier one, and perhaps for others that join them; most of these have no arrival of their own. */
const sessions = (count: number) =>
  fc
    .record({
      parents: fc.array(fc.integer({ min: -1, max: count - 1 }), { minLength: count, maxLength: count }),
      waits: fc.array(fc.nat({ max: 2 ** 51 }), { minLength: count, maxLength: count }),
      joins: fc.option(fc.array(fc.integer({ min: -1, max: count - 1 }), { minLength: count, maxLength: count }), { nil: null }),
      session: fc.option(int32(-1, 9, count), { nil: null }),
      timed: fc.array(fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.boolean()), {
        minLength: count,
        maxLength: count,
      }),
    })
    .map(({ parents, waits, joins: targets, session, timed }) => {
      const parent = Int32Array.from(parents, (of, i) => (of < i ? of : -1))
      const waitNs = Float64Array.from(waits)
      const isReleased = timed.map((isTimed, i) => !isTimed && parent[i] >= 0)
      if (targets === null) return { columns: { session, parent, waitNs }, isReleased }
      const joins = Int32Array.from(targets, (target, i) => (target > i && parent[target] >= 0 ? target : -1))
      const joinCount = parent.map((of) => (of >= 0 ? 1 : 0))
      for (const target of joins) if (target >= 0) joinCount[target]++
      return { columns: { session, parent, waitNs, joins, joinCount }, isReleased }
    })

/** Sessions of which nobody knows who waited for whom. */
const recordedSessions = (count: number) => int32(-1, 9, count).map((session) => ({ columns: { session }, isReleased: [false] }))

/** At most as many blocks as tokens, and dense ids: a new block takes the next number. */
const blocks = (isl: Int32Array) =>
  fc
    .record({
      steps: fc.array(fc.array(fc.nat({ max: 3 }), { maxLength: 5 }), { minLength: isl.length, maxLength: isl.length }),
      blockTokens: fc.constantFrom(1, 16, 48, 512),
    })
    .map(({ steps, blockTokens }) => {
      const builder = createBlockBuilder()
      let known = 0
      steps.forEach((choices, i) => {
        builder.next()
        for (const choice of choices.slice(0, isl[i])) builder.push(choice === 0 || known === 0 ? known++ : choice % known)
      })
      return { ...builder.columns(), blockTokens }
    })

const option = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null })

export const workloads = fc
  .integer({ min: 1, max: 40 })
  .chain((count) => fc.record({ count: fc.constant(count), isl: int32(1, INT32, count) }))
  .chain(({ count, isl }) =>
    fc
      .record({
        arrivalNs: sortedTimes(count),
        isl: fc.constant(isl),
        osl: int32(1, INT32, count),
        classId: option(int32(0, 65535, count).map((ids) => Uint16Array.from(ids))),
        // some with a name, and some without a tenant
        tenant: option(fc.oneof(int32(-(2 ** 31), INT32, count), int32(-1, 3, count))),
        sessions: option(fc.oneof({ weight: 3, arbitrary: sessions(count) }, recordedSessions(count))),
        blocks: option(blocks(isl)),
        names: fc.record({ tenant: option(fc.array(fc.string())), class: option(fc.array(fc.string())) }),
        provenance,
      })
      .map(({ arrivalNs, sessions: session, blocks: block, ...columns }): Workload => {
        const times = arrivalNs.map((time, i) => (session?.isReleased[i] ? Number.NaN : time))
        return { ...shapesOnly(times, columns.isl, columns.osl, columns.provenance), ...columns, ...session?.columns, ...block }
      }),
  )

/** Four requests that wait for nobody. */
export const plain: Workload = shapesOnly(
  Float64Array.of(0, 5, 5, 9e9),
  Int32Array.of(10, 20, 30, 40),
  Int32Array.of(1, 2, 3, 4),
  {
    name: 'plain',
    format: 'csv',
    note: 'Four requests.',
    rowsRead: 5,
    rowsSkipped: 1,
  },
)

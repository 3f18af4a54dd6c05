/** Several traces as one, in order of time: each begins at time 0 and is a tenant, or keeps its tenants under its name. */
import { UserError } from '../../errors.js'
import { blockIdLimit } from '../blocks.js'
import { pickRequests, timeOrder } from '../columns.js'
import { MOST_CLASSES } from '../contract.js'
import { denseBlocks } from '../denseBlocks.js'
import type { Workload } from '../workload.js'

export interface NamedWorkload {
  readonly name: string
  readonly workload: Workload
}

export interface MergeOptions {
  /**
   * Equal ids of prefix blocks in different traces mean the same prefix: the traces were read with one `blockNumbers`. Otherwise no prompt of one
   * trace shares blocks with those of another.
   */
  readonly sameIds: boolean
  readonly name: string
}

const MOST_IDS = 2 ** 31

/** Throws UserError when blocks are of different sizes, or blocks or classes too many. */
export function merged(parts: readonly NamedWorkload[], { sameIds, name }: MergeOptions): Workload {
  const whole = concatenated(parts, sameIds, name)
  const times = runningTimes(parts)
  const order = timeOrder(times)
  const arrivalNs = Float64Array.from(order, (row) => (Number.isNaN(whole.arrivalNs[row]) ? Number.NaN : times[row]))
  const inOrder = pickRequests(whole, order, arrivalNs)
  // numbers that only requests left out had are in none of the traces
  return sameIds ? { ...inOrder, ...denseBlocks(inOrder) } : inOrder
}

/** Time of each row from the start of its trace; of one that waits for others, that of the last row before it that does not. */
function runningTimes(parts: readonly NamedWorkload[]): Float64Array {
  const times = new Float64Array(parts.reduce((sum, { workload }) => sum + workload.count, 0))
  let at = 0
  for (const { workload } of parts) {
    let latest = 0
    for (const timeNs of workload.arrivalNs) {
      if (!Number.isNaN(timeNs)) latest = timeNs - workload.arrivalNs[0]
      times[at++] = latest
    }
  }
  return times
}

function concatenated(parts: readonly NamedWorkload[], sameIds: boolean, name: string): Workload {
  const workloads = parts.map(({ workload }) => workload)
  const count = workloads.reduce((sum, part) => sum + part.count, 0)
  const firstRow = offsets(workloads.map((part) => part.count))
  const tenants = named(parts, 'tenant', (part) => part.tenant)
  const classes = workloads.some((part) => part.classId !== null) ? named(parts, 'class', (part) => part.classId) : null
  if (classes !== null && classes.names.length > MOST_CLASSES) {
    throw new UserError({
      where: 'trace merge',
      message: `the traces name more than ${MOST_CLASSES} classes of requests`,
      hint: 'merge fewer, or leave the classes out with `shapewise trace convert --drop classes`',
    })
  }
  const sessions = offsets(workloads.map(({ session }) => session?.reduce((most, one) => Math.max(most, one + 1), 0) ?? 0))
  /** A column end to end, `plus` added to the numbers of each trace (below 0 stay as they are); null when no trace has it. */
  const joined = (columnOf: (part: Workload) => ArrayLike<number> | null, none: number, plus?: readonly number[]) =>
    workloads.every((part) => columnOf(part) === null)
      ? null
      : workloads.flatMap((part, p) => {
          const column = columnOf(part)
          const shift = plus?.[p] ?? 0
          return Array.from({ length: part.count }, (_, i) => {
            const value = column?.[i] ?? none
            return value < 0 ? value : value + shift
          })
        })
  const ints = (...args: Parameters<typeof joined>): Int32Array | null => {
    const values = joined(...args)
    return values === null ? null : Int32Array.from(values)
  }
  const doubles = (...args: Parameters<typeof joined>): Float64Array | null => {
    const values = joined(...args)
    return values === null ? null : Float64Array.from(values)
  }
  const joins = ints((part) => part.joins, -1, firstRow)
  return {
    count,
    arrivalNs: doubles((part) => part.arrivalNs, 0) as Float64Array,
    isl: ints((part) => part.isl, 1) as Int32Array,
    osl: ints((part) => part.osl, 1) as Int32Array,
    classId: classes === null ? null : Uint16Array.from(classes.numbers),
    tenant: tenants.numbers,
    session: ints((part) => part.session, -1, sessions),
    parent: ints((part) => part.parent, -1, firstRow),
    waitNs: doubles((part) => part.waitNs, 0),
    joins,
    joinCount: joins === null ? null : ints(joinCountsOf, 0),
    ...blocksOf(workloads, sameIds),
    names: { tenant: tenants.names, class: classes?.names ?? null },
    provenance: {
      name,
      format: 'merged',
      note: `merged: ${workloads.map(({ provenance }) => `${provenance.name} (${provenance.note})`).join('; ')}`,
      rowsRead: count,
      rowsSkipped: 0,
    },
  }
}

/** Ends that each request waits for, also where nobody joins. */
const joinCountsOf = ({ joinCount, parent, count }: Workload): Int32Array =>
  joinCount ?? Int32Array.from({ length: count }, (_, i) => (parent === null || parent[i] < 0 ? 0 : 1))

function offsets(counts: readonly number[]): number[] {
  let sum = 0
  return counts.map((count) => {
    const before = sum
    sum += count
    return before
  })
}

/** Numbers and names of tenants or classes: the trace's name, with its own tenants or classes behind it where it has them. */
function named(
  parts: readonly NamedWorkload[],
  kind: 'tenant' | 'class',
  columnOf: (part: Workload) => ArrayLike<number> | null,
) {
  const names: string[] = []
  const known = new Map<string, number>()
  const numberOf = (name: string): number => {
    const number = known.get(name) ?? names.length
    if (number === names.length) {
      known.set(name, number)
      names.push(name)
    }
    return number
  }
  const numbers = parts.flatMap(({ name, workload }) => {
    const column = columnOf(workload)
    return Array.from({ length: workload.count }, (_, i) =>
      column === null || column[i] < 0 ? numberOf(name) : numberOf(`${name}/${workload.names[kind]?.[column[i]] ?? column[i]}`),
    )
  })
  return { numbers: Int32Array.from(numbers), names }
}

function blocksOf(workloads: readonly Workload[], sameIds: boolean) {
  const withBlocks = workloads.filter(({ runFirst }) => runFirst !== null)
  const none = { runOffset: null, runCount: null, runFirst: null, runLength: null, blockTokens: 0 }
  if (sameIds && withBlocks.length < 2)
    throw new UserError({
      where: '--same-ids',
      message: 'has no effect: fewer than two of the traces have ids of prefix blocks',
      hint: 'leave it out',
    })
  if (withBlocks.length === 0) return none
  const sizes = [...new Set(withBlocks.map(({ blockTokens }) => blockTokens))]
  if (sizes.length > 1) {
    throw new UserError({
      where: 'trace merge',
      message: `the traces have prefix blocks of ${sizes.join(' and ')} tokens`,
      hint: 'bring them to one size first, or leave the blocks out with `shapewise trace convert --drop blocks`',
    })
  }
  const ids = workloads.map(blockIdLimit)
  if (!sameIds && ids.reduce((sum, limit) => sum + limit, 0) > MOST_IDS)
    throw new UserError({
      where: 'trace merge',
      message: 'the traces have more than 2^31 prefix blocks together',
      hint: 'merge fewer',
    })
  const idShift = sameIds ? ids.map(() => 0) : offsets(ids)
  const runShift = offsets(workloads.map(({ runFirst }) => runFirst?.length ?? 0))
  const flat = (columnOf: (part: Workload, p: number) => Iterable<number>): number[] =>
    workloads.flatMap((part, p) => Array.from(columnOf(part, p)))
  const perRow = (part: Workload, column: ArrayLike<number> | null, shift: number): number[] =>
    Array.from({ length: part.count }, (_, i) => (column?.[i] ?? 0) + shift)
  return {
    runOffset: Float64Array.from(flat((part, p) => perRow(part, part.runOffset, runShift[p]))),
    runCount: Int32Array.from(flat((part) => perRow(part, part.runCount, 0))),
    runFirst: Int32Array.from(flat((part, p) => Array.from(part.runFirst ?? [], (id) => id + idShift[p]))),
    runLength: Int32Array.from(flat((part) => part.runLength ?? [])),
    blockTokens: sizes[0],
  }
}

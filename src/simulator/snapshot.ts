/** Snapshots: every array of the state, sessions, the records not yet drained, and what policies remember. */
import { decode, encode } from '@msgpack/msgpack'
import { EventHeap, type HeapState } from '../collections/eventHeap.js'
import { PolicyError, UserError } from '../errors.js'
import { LEVERS, type PolicyInfo, type Stateful } from '../levers/lever.js'
import type { Records } from '../metrics/records.js'
import type { Core } from './core.js'
import type { PrefixCache } from './prefixCache.js'
import { wake } from './quiet.js'
import { createRecords } from './recordStore.js'
import { restoreRoles } from './roles.js'
import { createSessions, emptyChunk, type Sessions } from './sessions.js'

const SNAPSHOT_VERSION = 12

const PREFIX_PARTS = ['cache', 'runs', 'nodes', 'host', 'hostNodes'] as const

type Columns = Record<string, unknown>

interface Snapshot {
  version: number
  state: Columns
  slots: Columns
  /** Empty where the arm spreads no request. */
  lanes: Columns
  releases: Columns
  prefix: { [part in (typeof PREFIX_PARTS)[number]]: Columns } | null
  records: Columns
  phaseNs: Uint8Array[]
  recordCount: number
  policies: { name: string; hooks: string; memory: Uint8Array | null }[]
  sessions: {
    chunks: { start: number; live: number; columns: Columns }[]
    sends: Columns
    notSent: number
    knownTo: number
  } | null
}

const bytesOf = (array: ArrayBufferView): Uint8Array =>
  new Uint8Array(array.buffer.slice(array.byteOffset, array.byteOffset + array.byteLength) as ArrayBuffer)

function columnsOf(source: object): Columns {
  const columns: Columns = {}
  for (const [key, value] of Object.entries(source)) if (ArrayBuffer.isView(value)) columns[key] = bytesOf(value)
  return columns
}

const damaged = (): UserError =>
  new UserError({ where: 'snapshot', message: 'this is no saved state, or it is damaged', hint: 'save it anew' })

const isObject = (value: unknown): value is Columns => typeof value === 'object' && value !== null
const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array
const isColumns = (value: unknown): boolean => isObject(value) && Object.values(value).every(isBytes)
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0
const isHeap = (value: unknown): boolean => {
  if (!isObject(value)) return false
  const { next, ...columns } = value
  return isCount(next) && isColumns(columns)
}

/** A snapshot may come from a file: each part is looked at before any is taken over. Throws for anything else. */
function imageOf(bytes: Uint8Array): Snapshot {
  let image: Snapshot
  try {
    // a Buffer's parts would be views of it, not copies
    image = decode(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)) as Snapshot
  } catch {
    throw damaged()
  }
  if (!isObject(image)) throw damaged()
  const { version, state, slots, lanes, records, releases, prefix, phaseNs, recordCount, policies, sessions } = image as Snapshot
  if (Number.isSafeInteger(version) && version !== SNAPSHOT_VERSION)
    throw new UserError({
      where: 'snapshot',
      message: `its snapshot has version ${version}; this version of Shapewise reads ${SNAPSHOT_VERSION}`,
      hint: 'save it anew',
    })
  const isWhole =
    version === SNAPSHOT_VERSION &&
    [state, slots, lanes, records].every(isColumns) &&
    isHeap(releases) &&
    (prefix === null || (isObject(prefix) && PREFIX_PARTS.every((part) => isColumns(prefix[part])))) &&
    Array.isArray(phaseNs) &&
    phaseNs.every(isBytes) &&
    isCount(recordCount) &&
    Array.isArray(policies) &&
    policies.length === LEVERS.length &&
    policies.every(isPolicy) &&
    (sessions === null || isSessions(sessions))
  if (!isWhole) throw damaged()
  return image
}

const isPolicy = (value: unknown): boolean =>
  isObject(value) &&
  typeof value.name === 'string' &&
  typeof value.hooks === 'string' &&
  (value.memory === null || isBytes(value.memory))

const isSessions = (value: unknown): boolean =>
  isObject(value) &&
  Array.isArray(value.chunks) &&
  value.chunks.every((chunk) => isObject(chunk) && isCount(chunk.start) && isCount(chunk.live) && isColumns(chunk.columns)) &&
  isHeap(value.sends) &&
  isCount(value.notSent) &&
  isCount(value.knownTo)

/**
 * Copies saved bytes into the array of the same name, or, where the length differs and the array is one that grows, puts a new array of the same
 * type there. Throws when an array is missing on either side.
 */
function fill(target: object, columns: object, grows: (key: string) => boolean = () => true): void {
  const arrays = target as Record<string, Float64Array>
  const keys = Object.keys(arrays).filter((key) => ArrayBuffer.isView(arrays[key]))
  if (keys.length !== Object.keys(columns).length) throw damaged()
  for (const key of keys) {
    const old = arrays[key]
    const bytes = (columns as Record<string, Uint8Array | undefined>)[key]
    if (bytes === undefined || bytes.length % old.BYTES_PER_ELEMENT !== 0) throw damaged()
    if (bytes.length !== old.byteLength && !grows(key)) throw damaged()
    const fresh = new (old.constructor as Float64ArrayConstructor)(bytes.slice().buffer as ArrayBuffer)
    if (fresh.length === old.length) old.set(fresh)
    else arrays[key] = fresh
  }
}

const heapColumns = (heap: EventHeap): Columns => ({ ...columnsOf(heap.save()), next: heap.save().next })

function fillHeap(heap: EventHeap, { next, ...columns }: Columns): void {
  const saved: HeapState = { ...new EventHeap().save() }
  fill(saved, columns)
  if ([saved.class, saved.sequence, saved.payload].some(({ length }) => length !== saved.time.length)) throw damaged()
  heap.restore({ ...saved, next: next as number })
}

/** All but the columns of the chunks, which are fed again. */
const sessionsImage = ({ chunks, sends, notSent, knownTo }: Sessions): Snapshot['sessions'] => ({
  chunks: chunks.map(({ start, live, columns: _, ...arrays }) => ({ start, live, columns: columnsOf(arrays) })),
  sends: heapColumns(sends),
  notSent,
  knownTo,
})

function sessionsOf({ chunks, sends, notSent, knownTo }: NonNullable<Snapshot['sessions']>): Sessions {
  const sessions = { ...createSessions(), notSent, knownTo, missing: chunks.length }
  fillHeap(sessions.sends, sends)
  sessions.chunks = chunks.map(({ start, live, columns }) => {
    const chunk = emptyChunk(start, 0)
    fill(chunk, columns)
    return { ...chunk, live }
  })
  return sessions
}

const prefixImage = (prefix: PrefixCache): NonNullable<Snapshot['prefix']> => ({
  cache: columnsOf(prefix),
  runs: columnsOf(prefix.runs),
  nodes: columnsOf(prefix.nodes),
  host: columnsOf(prefix.host ?? {}),
  hostNodes: columnsOf(prefix.host?.nodes ?? {}),
})

const hooksOf = ({ hooks }: PolicyInfo): string => [...hooks].sort().join()

const policiesOf = ({ arm }: Core) => LEVERS.map((lever) => arm[lever])

export function snapshot(core: Core): Uint8Array {
  const { records, state } = core
  const image: Snapshot = {
    version: SNAPSHOT_VERSION,
    state: columnsOf(state),
    slots: columnsOf(state.slots),
    lanes: columnsOf(state.lanes ?? {}),
    releases: heapColumns(state.releases),
    prefix: state.prefix && prefixImage(state.prefix),
    records: columnsOf(records),
    phaseNs: records.phaseNs.map(bytesOf),
    recordCount: records.count,
    policies: policiesOf(core).map(({ info, state }) => ({
      name: info.name,
      hooks: hooksOf(info),
      memory: state ? bytesOf(state) : null,
    })),
    sessions: core.sessions === null ? null : sessionsImage(core.sessions),
  }
  return encode(image)
}

/**
 * Goes back to a snapshot of a simulation of the same cluster. The input is not part of it: feed again, from the first
 * request, the columns that the simulation had been fed (consumed rows are skipped). Policies of another name are without memory.
 */
export function restore(core: Core, bytes: Uint8Array, by: 'same arm' | 'another arm'): void {
  const image = imageOf(bytes)
  const { state } = core
  if ((state.prefix === null) !== (image.prefix === null)) throw damaged()
  fillLanes(core, image.lanes)
  fill(state, image.state, (key) => key === 'gaps')
  fill(state.slots, image.slots)
  state.slots.capacity = state.slots.request.length
  if (state.prefix !== null && image.prefix !== null) fillPrefix(state.prefix, image.prefix)
  restoreRoles(core)
  fillHeap(state.releases, image.releases)
  core.records = recordsOf(image)
  policiesOf(core).forEach((policy, index) => {
    restoreMemory(policy, image.policies[index], by)
  })
  if (by === 'another arm' && core.arm.split.info.name !== image.policies[0].name) replan(core)
  core.input = []
  core.inputStart = 0
  core.inputEnded = false
  core.fed = 0
  core.sessions = image.sessions === null ? null : sessionsOf(image.sessions)
}

function fillPrefix(prefix: PrefixCache, image: NonNullable<Snapshot['prefix']>): void {
  fill(prefix, image.cache)
  fill(prefix.runs, image.runs)
  fill(prefix.nodes, image.nodes)
  if (prefix.host === null) return
  fill(prefix.host, image.host)
  fill(prefix.host.nodes, image.hostNodes)
}

function recordsOf(image: Snapshot): Records {
  const records = createRecords(Math.max(1, image.recordCount))
  fill(records, image.records)
  fill(records.phaseNs, image.phaseNs)
  records.count = image.recordCount
  return records
}

/** What the policy of the snapshot remembered; a policy of another name begins without memory, if it may take over at all. */
function restoreMemory(
  { info, state: kept }: Stateful & { readonly info: PolicyInfo },
  { name, hooks, memory }: Snapshot['policies'][number],
  by: 'same arm' | 'another arm',
): void {
  if (info.name !== name && by === 'same arm') throw new PolicyError(info, `the snapshot was taken with another policy, ${name}`)
  if (hooksOf(info) !== hooks)
    throw new UserError({
      where: 'snapshot',
      message: `it was taken with ${name}, which is asked at other times (${hooks}) than ${info.name} (${hooksOf(info)})`,
      hint: `go on with a ${info.lever} policy of the same hooks, or take the snapshot with this one`,
    })
  if (info.name !== name) return
  if ((memory?.byteLength ?? 0) !== (kept?.byteLength ?? 0))
    throw new UserError({
      where: 'snapshot',
      message: `${name} remembers ${(kept?.byteLength ?? 0) / 8} numbers, and in it ${(memory?.byteLength ?? 0) / 8}`,
      hint: 'take the snapshot anew, or give the policy another name: it then begins without memory',
    })
  if (memory !== null) kept?.set(new Float64Array(memory.slice().buffer as ArrayBuffer))
}

/** Requests that are spread over ranks go on so; an arm without lanes cannot take them over. */
function fillLanes({ state: { lanes }, arm }: Core, columns: Columns): void {
  // none where the arm of the snapshot had no lanes
  if (lanes !== null && Object.keys(columns).length > 0) fill(lanes, columns)
  else if ((columns.present as Uint8Array | undefined)?.some((byte) => byte !== 0))
    throw new UserError({
      where: 'snapshot',
      message: `it has requests that are spread over several ranks, and ${arm.span.info.name} of this arm keeps each on one`,
      hint: 'go on with an arm whose span policy spreads requests, or take the snapshot under one that does not',
    })
}

/** Steps in progress end as they were planned; from then on the factors are those of the new split. */
function replan(core: Core): void {
  for (let e = 0; e < core.engines.length; e++) if (core.state.stepping[e] === 1) wake(core, e)
  core.state.factorCount.fill(0)
}

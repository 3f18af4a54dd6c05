/** What the columns beyond time and lengths do to the request of their row. */
import { UserError } from '../../errors.js'
import { LATEST_NS } from '../../units.js'
import { separatorFault } from '../fields.js'
import type { ReaderContext } from '../formats/format.js'
import { createRebuiltBlocks, REBUILT_BLOCK_TOKENS } from '../rebuiltBlocks.js'
import { createNumbering, type RequestRows } from '../requestRows.js'
import type { ExtraRole } from './roles.js'

export interface Extras {
  /** Takes the cells of a row; why they cannot be used, or null. `cell` gives '' for an empty one. */
  read(cell: (role: ExtraRole) => string): string | null
  /** When the row read last is sent if it has no time of its own: NaN after those it waits for, null where it waits for nobody and needs one. */
  releasedNs(): number | null
  /** The row read last became the request `row`, the latest one of the rows. */
  apply(row: number, isl: number): void
  /**
   * The row read last, sent at `timeNs`, is left out: who waits for it waits for what it waited for, its wait added; without that it comes at its
   * time and as much later as it would have waited.
   */
  skip(timeNs: number): void
  findings(): { readonly notes: readonly string[]; readonly blockTokens?: number }
}

export function createExtras(roles: ReadonlySet<ExtraRole>, waitUnitNs: number, context: ReaderContext, isText: boolean): Extras {
  const { rows, path, options } = context
  const sessions = createNumbering<string>()
  const latest = new Map<string, number>()
  /** Of sessions whose latest turns were skipped: their waits, and when the first turn was to be sent. */
  const skipped = new Map<string, { readonly waitNs: number; readonly timeNs: number }>()
  const requests = createRequestIds(path, rows)
  const blockTokens = options.blockTokens ?? REBUILT_BLOCK_TOKENS
  const blocks = roles.has('prefix') ? createRebuiltBlocks(blockTokens) : null
  const has = (role: ExtraRole): boolean => roles.has(role)
  /** Cells of the row read last. */
  const row = { session: '', tenant: '', class: '', request: '', parent: '', joins: '', waitNs: 0, prefixTokens: 0 }
  let unknownParents = 0
  /** A turn waits for the one before it in its session. */
  const isTurn = (): boolean => !has('parent') && has('wait') && row.session !== ''
  return {
    read(cell) {
      if (has('session')) row.session = cell('session')
      if (has('tenant')) row.tenant = cell('tenant')
      if (has('class')) row.class = cell('class')
      if (has('request')) row.request = cell('request')
      if (has('parent')) row.parent = cell('parent')
      if (has('joins')) row.joins = cell('joins')
      if (has('wait')) row.waitNs = durationNs(cell('wait'), waitUnitNs)
      const prefix = has('prefix') ? cell('prefix') : ''
      row.prefixTokens = Number(prefix)
      if (!(row.waitNs >= 0)) return 'the wait is no time of 0 or more'
      const fault = isText ? separatorFault(prefix, 'prefix tokens') : null
      if (fault !== null) return fault
      return Number.isInteger(row.prefixTokens) && row.prefixTokens >= 0 ? null : 'the prefix is no number of tokens'
    },
    releasedNs() {
      if (has('parent')) return row.parent === '' ? null : Number.NaN
      if (!isTurn()) return null
      if (latest.has(row.session)) return Number.NaN
      const first = skipped.get(row.session)
      return first === undefined ? null : first.timeNs + row.waitNs
    },
    apply(at, isl) {
      if (has('session')) rows.session.set(at, row.session === '' ? -1 : sessions.of(row.session))
      if (has('tenant') && row.tenant !== '') rows.setTenantName(at, row.tenant)
      if (has('class')) rows.setClassName(at, row.class === '' ? 'none' : row.class)
      if (has('wait')) rows.waitNs.set(at, row.waitNs)
      if (has('parent')) {
        requests.name(row.request, at)
        rows.parent.set(at, -1)
        if (row.parent !== '') requests.continues(at, row.parent)
        if (has('joins')) rows.joins.set(at, -1)
        if (row.joins !== '') requests.joins(at, row.joins)
      } else if (isTurn()) {
        const before = latest.get(row.session)
        const passed = skipped.get(row.session)
        rows.parent.set(at, before ?? -1)
        if (passed !== undefined) rows.waitNs.set(at, before === undefined ? 0 : passed.waitNs + row.waitNs)
        skipped.delete(row.session)
      }
      if (row.session === '') return
      blocks?.push(rows, row.session, isl, row.prefixTokens)
      latest.set(row.session, at)
    },
    skip(timeNs) {
      if (has('parent')) requests.skip(row.request, { parent: row.parent, joins: row.joins, waitNs: row.waitNs, timeNs })
      else if (isTurn()) skipped.set(row.session, { waitNs: (skipped.get(row.session)?.waitNs ?? 0) + row.waitNs, timeNs })
    },
    findings() {
      unknownParents = requests.finish()
      if (has('session')) keepNumbers(sessions.names() ?? [], rows)
      const notes: string[] = []
      if (unknownParents > 0)
        notes.push(
          `${unknownParents === 1 ? '1 row names a request' : `${unknownParents} rows name requests`} that the file does not have, or that could not be read.`,
        )
      if (blocks === null) return { notes }
      notes.push(`Prefix blocks of ${blockTokens} tokens were rebuilt from the prefix lengths, within each session.`)
      return { notes, blockTokens }
    },
  }
}

/** Whole ns of a number in units of `unitNs`; 0 for '', NaN for what is none. */
function durationNs(text: string, unitNs: number): number {
  if (text === '') return 0
  const match = /^(\d{1,16})(?:\.(\d*))?$/.exec(text)
  const fraction = match?.[2] ? Math.round(Number(`0.${match[2]}`) * unitNs) : 0
  const ns =
    match === null ? (/^\d/.test(text) ? Math.round(Number(text) * unitNs) : Number.NaN) : Number(match[1]) * unitNs + fraction
  return ns <= LATEST_NS ? ns : Number.NaN
}

/** A request that is left out: its cells, '' for none, and when it was to be sent, NaN for after the one that it continued. */
interface SkippedRequest {
  readonly parent: string
  readonly joins: string
  readonly waitNs: number
  readonly timeNs: number
}

/** Ids of requests by their row, and the relations that name them. As long as they are the numbers 0, 1, 2 ... of the rows, none has to be kept. */
function createRequestIds(path: string, rows: RequestRows) {
  const rowOf = new Map<string, number>()
  const skipped = new Map<string, SkippedRequest>()
  const continuing: { readonly at: number; readonly id: string }[] = []
  const joining: { readonly at: number; readonly id: string }[] = []
  /** For skipped requests the first one that is there and continues them. */
  const standIns = new Map<string, number>()
  /** Rows [0, plain) are called by their own number. */
  let plain = 0
  const find = (id: string): number | undefined => {
    const row = rowOf.get(id)
    if (row !== undefined) return row
    const number = Number(id)
    return number < plain && String(number) === id ? number : undefined
  }
  const target = (id: string): number | undefined => find(id) ?? standIns.get(id)
  /** What a request `at` waits for that continues `id`: the row before it, -1 for none, and the waits or the time of those skipped between them. */
  const release = (id: string, at: number): { row: number; waitNs: number; timeNs: number } | null => {
    let waitNs = 0
    let name = id
    for (let left = skipped.size; left >= 0; left--) {
      const row = find(name)
      if (row !== undefined) return { row, waitNs, timeNs: Number.NaN }
      const request = skipped.get(name)
      if (request === undefined) return null
      if (at >= 0 && !standIns.has(name)) standIns.set(name, at)
      if (request.parent === '') return { row: -1, waitNs, timeNs: request.timeNs }
      waitNs += request.waitNs
      name = request.parent
    }
    return null
  }
  /** False when the one before it is not in the file. */
  const settle = (at: number, id: string): boolean => {
    const before = release(id, at)
    if (before === null) return false
    const waitNs = rows.waitNs.get(at) + before.waitNs
    rows.parent.set(at, before.row)
    rows.waitNs.set(at, before.row < 0 ? 0 : waitNs)
    if (before.row < 0) rows.comeAt(at, before.timeNs + waitNs)
    return true
  }
  return {
    name(id: string, row: number): void {
      if (id === String(row) && row === plain) {
        plain++
        return
      }
      if (find(id) !== undefined) {
        throw new UserError({
          where: path,
          message: `two requests have the id '${id}'`,
          hint: 'give each request an id of its own, or leave the parent column out',
        })
      }
      rowOf.set(id, row)
    },
    /** The request `at` continues the one of this id, which may come later. */
    continues(at: number, id: string): void {
      const row = find(id)
      if (row === undefined) continuing.push({ at, id })
      else rows.parent.set(at, row)
    },
    joins(at: number, id: string): void {
      const row = find(id)
      if (row === undefined) joining.push({ at, id })
      else rows.joins.set(at, row)
    },
    skip(id: string, request: SkippedRequest): void {
      skipped.set(id, request)
    },
    /** Number of names that no request has. */
    finish(): number {
      let unknown = 0
      for (const { at, id } of continuing) if (!settle(at, id)) unknown++
      for (const { at, id } of joining) {
        const row = target(id)
        if (row === undefined) unknown++
        else rows.joins.set(at, row)
      }
      // who joins is the end of a thread: without it the one before it is
      for (const [id, { joins }] of skipped) {
        if (joins === '') continue
        const row = target(joins) ?? -1
        const last = release(id, -1)?.row ?? -1
        if (row >= 0 && last >= 0 && rows.joins.get(last) < 0 && rows.parent.get(row) !== last) rows.joins.set(last, row)
      }
      return unknown
    },
  }
}

/** Sessions that the file numbers densely keep their numbers. */
function keepNumbers(names: readonly string[], rows: ReaderContext['rows']): void {
  const numbers = names.map((name) => (/^\d{1,9}$/.test(name) && String(Number(name)) === name ? Number(name) : rows.count))
  if (numbers.some((number) => number >= rows.count)) return
  for (let row = 0; row < rows.count; row++) {
    const session = rows.session.get(row)
    if (session >= 0) rows.session.set(row, numbers[session])
  }
}

/** What the columns beyond time and lengths do to the request of their row. */
import { UserError } from '../../errors.js'
import { LATEST_NS } from '../../units.js'
import { separatorFault } from '../fields.js'
import type { ReaderContext } from '../formats/format.js'
import { createRebuiltBlocks, REBUILT_BLOCK_TOKENS } from '../rebuiltBlocks.js'
import { createNumbering } from '../requestRows.js'
import type { ExtraRole } from './roles.js'

export interface Extras {
  /** Takes the cells of a row; why they cannot be used, or null. `cell` gives '' for an empty one. */
  read(cell: (role: ExtraRole) => string): string | null
  /** Whether the row read last waits for another one: then it may have no time of its own. */
  waits(): boolean
  /** The row read last became the request `row`, the latest one of the rows. */
  apply(row: number, isl: number): void
  findings(): { readonly notes: readonly string[]; readonly blockTokens?: number }
}

export function createExtras(roles: ReadonlySet<ExtraRole>, waitUnitNs: number, context: ReaderContext, isText: boolean): Extras {
  const { rows, path, options } = context
  const sessions = createNumbering<string>()
  const latest = new Map<number, number>()
  const requests = createRequestIds(path)
  const blockTokens = options.blockTokens ?? REBUILT_BLOCK_TOKENS
  const blocks = roles.has('prefix') ? createRebuiltBlocks(blockTokens) : null
  const has = (role: ExtraRole): boolean => roles.has(role)
  /** Cells of the row read last. */
  const row = { session: '', tenant: '', class: '', request: '', parent: '', joins: '', waitNs: 0, prefixTokens: 0 }
  let unknownParents = 0
  const sessionOf = (): number => (row.session === '' ? -1 : sessions.of(row.session))
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
    waits: () => (has('parent') ? row.parent !== '' : has('wait') && row.session !== '' && latest.has(sessionOf())),
    apply(at, isl) {
      const session = has('session') ? sessionOf() : -1
      if (has('session')) rows.session.set(at, session)
      if (has('tenant') && row.tenant !== '') rows.setTenantName(at, row.tenant)
      if (has('class')) rows.setClassName(at, row.class === '' ? 'none' : row.class)
      if (has('parent')) {
        requests.name(row.request, at)
        rows.parent.set(at, -1)
        if (row.parent !== '') requests.resolve(row.parent, (parent) => rows.parent.set(at, parent))
        if (has('joins')) rows.joins.set(at, -1)
        if (row.joins !== '') requests.resolve(row.joins, (target) => rows.joins.set(at, target))
      } else if (has('wait') && session >= 0) {
        rows.parent.set(at, latest.get(session) ?? -1)
      }
      if (has('wait')) rows.waitNs.set(at, row.waitNs)
      if (row.session !== '') blocks?.push(rows, row.session, isl, row.prefixTokens)
      if (session >= 0) latest.set(session, at)
    },
    findings() {
      unknownParents = requests.finish()
      if (has('session')) keepNumbers(sessions.names() ?? [], rows)
      const notes: string[] = []
      if (unknownParents > 0)
        notes.push(
          `${unknownParents === 1 ? '1 row names a request' : `${unknownParents} rows name requests`} that the file does not have, or that ${unknownParents === 1 ? 'was' : 'were'} skipped.`,
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

/** Ids of requests by their row. As long as they are the numbers 0, 1, 2 ... of the rows, none has to be kept. */
function createRequestIds(path: string) {
  const rowOf = new Map<string, number>()
  const pending: { readonly id: string; readonly found: (row: number) => void }[] = []
  /** Rows [0, plain) are called by their own number. */
  let plain = 0
  const find = (id: string): number | undefined => {
    const row = rowOf.get(id)
    if (row !== undefined) return row
    const number = Number(id)
    return number < plain && String(number) === id ? number : undefined
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
    /** Calls `found` with the row of a request, at once or when it comes. */
    resolve(id: string, found: (row: number) => void): void {
      const row = find(id)
      if (row === undefined) pending.push({ id, found })
      else found(row)
    },
    /** Number of names that no request has. */
    finish(): number {
      let unknown = 0
      for (const { id, found } of pending) {
        const row = find(id)
        if (row === undefined) unknown++
        else found(row)
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

/** Columns of a table that a request may have beyond time and lengths, and the names by which they are known. */

/**
 * session, tenant, class: any text or number. request: the id by which `parent` (who is continued) and `joins` (who waits for this one too) name
 * requests. wait: time of the client between the end waited for and the sending. prefix: input tokens shared with the request before in the session.
 */
export const EXTRA_ROLES = ['session', 'tenant', 'class', 'request', 'parent', 'wait', 'joins', 'prefix'] as const
export type ExtraRole = (typeof EXTRA_ROLES)[number]
/** Roles by which a user names columns. */
export const COLUMN_ROLES = ['time', 'input', 'output', ...EXTRA_ROLES] as const

/** Names as `plainName` writes them, a wait without its unit. */
const NAMES: Readonly<Record<ExtraRole, RegExp>> = {
  session: /^(session|conversation|chat)(_id)?$/,
  tenant: /^(tenant|client|customer)(_id)?$/,
  class: /^(class|request_class|slo_class)$/,
  request: /^(request(_id)?|id)$/,
  parent: /^parent(_request)?(_id)?$/,
  wait: /^(wait|think_time|delay)$/,
  joins: /^joins$/,
  prefix: /^(prefix|cached|cache_hit|cached_input|cached_prompt)_(tokens?|len|length)$/,
}

/** Roles without which another one says nothing. */
const NEEDS: Readonly<Partial<Record<ExtraRole, readonly ExtraRole[]>>> = {
  parent: ['request'],
  joins: ['request', 'parent'],
  prefix: ['session'],
}

export interface FoundRoles {
  /** Position of each role's column. */
  readonly at: ReadonlyMap<ExtraRole, number>
  /** The role that the user chose, and the one that it needs and that is missing; null when nothing is amiss. */
  readonly missing: { readonly role: ExtraRole; readonly needs: ExtraRole } | null
}

/** The columns that the user chose, and those known by their names (`plain`, without their unit where `bare`); of these, only the ones that say something. */
export function findRoles(
  plain: readonly string[],
  bare: readonly string[],
  chosen: ReadonlyMap<ExtraRole, number>,
  taken: ReadonlySet<number>,
): FoundRoles {
  const at = new Map<ExtraRole, number>()
  for (const role of EXTRA_ROLES) {
    const position =
      chosen.get(role) ?? (role === 'wait' ? bare : plain).findIndex((name, i) => !taken.has(i) && NAMES[role].test(name))
    if (position >= 0) at.set(role, position)
  }
  let missing: FoundRoles['missing'] = null
  for (const role of EXTRA_ROLES) {
    const needs = NEEDS[role]?.find((other) => !at.has(other))
    if (!at.has(role) || needs === undefined) continue
    if (chosen.has(role)) missing ??= { role, needs }
    at.delete(role)
  }
  // a wait is for the parent, or for the request before in the session; an id alone names nobody
  if (at.has('wait') && !at.has('parent') && !at.has('session')) {
    if (chosen.has('wait')) missing ??= { role: 'wait', needs: 'session' }
    at.delete('wait')
  }
  if (at.has('request') && !at.has('parent')) at.delete('request')
  return { at, missing }
}

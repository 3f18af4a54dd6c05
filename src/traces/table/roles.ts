/** Columns of a table that a request may have beyond time and lengths, and the names by which they are known. */

/**
 * session, tenant, class: any text or number. request: the id by which `parent` (who is continued) and `joins` (who waits for this one too) name
 * requests. wait: time of the client between the end waited for and the sending. prefix: input tokens shared with the request before in the session.
 */
export const EXTRA_ROLES = ['session', 'tenant', 'class', 'request', 'parent', 'wait', 'joins', 'prefix'] as const
export type ExtraRole = (typeof EXTRA_ROLES)[number]
/** Roles by which a user names columns. */
export const COLUMN_ROLES = ['time', 'input', 'output', ...EXTRA_ROLES] as const

/** Names as `plainName` writes them, a wait without its unit; those that can mean little else first. */
const NAMES: Readonly<Record<ExtraRole, readonly RegExp[]>> = {
  session: [/^(session|conversation|chat)_id$/, /^(session|conversation|chat)$/],
  tenant: [/^tenant_id$/, /^tenant$/, /^(client|customer)_id$/, /^(client|customer)$/],
  class: [/^class$/, /^(request|slo)_class$/],
  request: [/^request_id$/, /^request$/, /^id$/],
  parent: [/^parent_request_id$/, /^parent_request$/, /^parent_id$/, /^parent$/],
  wait: [/^think_time$/, /^(wait|delay)$/],
  joins: [/^joins$/],
  prefix: [/^prefix_(tokens?|len|length)$/, /^(cached|cache_hit|cached_input|cached_prompt)_(tokens?|len|length)$/],
}

/** Positions of the names that match the first of the `patterns` which any of them matches. */
export function clearest(
  names: readonly string[],
  patterns: readonly RegExp[],
  taken: ReadonlySet<number> = new Set(),
): readonly number[] {
  for (const pattern of patterns) {
    const found = names.flatMap((name, i) => (!taken.has(i) && pattern.test(name) ? [i] : []))
    if (found.length > 0) return found
  }
  return []
}

/** Roles without which another one says nothing. */
const NEEDS: Readonly<Partial<Record<ExtraRole, readonly ExtraRole[]>>> = {
  parent: ['request'],
  joins: ['request', 'parent'],
  prefix: ['session'],
}

export interface FoundRoles {
  /** Position of the column of each role: the first of those whose names tell it alike. */
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
    const choice = chosen.get(role)
    const found = choice ?? clearest(role === 'wait' ? bare : plain, NAMES[role], taken).at(0)
    if (found !== undefined) at.set(role, found)
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

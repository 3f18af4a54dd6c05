import type { Parameter } from '../entry.js'
import type { PolicyInfo } from '../lever.js'

/** What split policies have in common: one hook, and the state of this very moment. */
export function splitInfo(info: Omit<PolicyInfo, 'lever' | 'hooks' | 'signalAge'>): PolicyInfo {
  return { lever: 'split', hooks: ['plan'], signalAge: 'now', ...info }
}

/** The sub-lever of launch order: pieces as they come, or the longest first, which needs a sorted work list. */
const ORDERS = ['arrival', 'longest-first'] as const

export function orderParameter(byDefault: (typeof ORDERS)[number]): Parameter {
  return {
    name: 'order',
    unit: 'order of launch',
    named: true,
    min: 0,
    max: 1,
    otherwise: ORDERS.indexOf(byDefault),
    words: ORDERS,
  }
}

/** `fixed-count(8,order=longest-first)`: a name with the arguments that are given; undefined ones have their default and are left out. */
export function nameOf(
  base: string,
  positional: readonly number[],
  named: Readonly<Record<string, number | string | undefined>> = {},
) {
  const given = Object.entries(named).flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}`]))
  const all = [...positional, ...given]
  return all.length === 0 ? base : `${base}(${all.join(',')})`
}

/** The order for `nameOf`. */
export const orderText = (longestFirst: boolean, byDefault: boolean) =>
  longestFirst === byDefault ? undefined : ORDERS[longestFirst ? 1 : 0]

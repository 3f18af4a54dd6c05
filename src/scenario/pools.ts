/** Engines by role: which kinds may stand together, and the shorthand `10p1d` for ten prefill engines and one decode engine. */
import { type Problem, showPath } from '../yaml/issues.js'
import type { Path } from '../yaml/text.js'
import type { EnginePlan } from './plan.js'
import type { EngineInput, EntryInput, ScenarioInput } from './schema.js'

/** One kind of engine and where its keys stand in the scenario. */
export interface Entry {
  readonly path: Path
  readonly input: EngineInput
}

const PAIR = /^([1-9]\d{0,4})p([1-9]\d{0,4})d$/i
const isPair = ({ layout }: EntryInput): boolean => layout !== undefined && PAIR.test(layout)

/** Keys that both kinds of a pair take over from the entry that holds them. */
const SHARED = [
  'max_model_len',
  'block_size',
  'kv_memory_fraction',
  'kv_reservation',
  'enable_prefix_caching',
  'moe_path',
  'may_switch',
] as const

const PAIR_KEYS = ['layout', 'prefill', 'decode', ...SHARED] as const

/** Kinds of engine, pairs taken apart. Only for entries without `pairProblems`. */
export function entriesOf(engines: readonly EntryInput[]): Entry[] {
  return engines.flatMap((entry, i): Entry[] => {
    const path = ['engines', i]
    if (!isPair(entry)) return [{ path, input: entry }]
    const counts = PAIR.exec(entry.layout as string) as RegExpExecArray
    const shared = Object.fromEntries(SHARED.flatMap((key) => (entry[key] === undefined ? [] : [[key, entry[key]]])))
    const kind = (role: 'prefill' | 'decode', count: string): Entry => ({
      path: [...path, role],
      input: { ...shared, ...entry[role], role, count: Number(count) },
    })
    return [kind('prefill', counts[1]), kind('decode', counts[2])]
  })
}

/** Keys that mean nothing beside, or without, a layout such as 10p1d. */
export function pairProblems(engines: readonly EntryInput[]): Problem[] {
  return engines.flatMap((entry, i) => {
    const path = ['engines', i]
    const fault = (at: Path, message: string, hint: string): Problem => ({
      path: at,
      message: `${showPath(at)}: ${message}`,
      hint,
    })
    if (!isPair(entry)) {
      const given = (['prefill', 'decode'] as const).filter((role) => entry[role] !== undefined)
      if (given.length > 0 && entry.layout !== undefined && /\dp\d*d?/i.test(entry.layout)) {
        const hint = 'for example 10p1d: ten prefill engines and one decode engine, 1 to 99999 of each'
        return [fault([...path, 'layout'], `'${entry.layout}' does not count prefill and decode engines`, hint)]
      }
      return given.map((role) =>
        fault([...path, role], 'has no effect without a layout such as 10p1d', 'set layout to 10p1d, or give the engine a role'),
      )
    }
    const missing = (['prefill', 'decode'] as const).filter((role) => entry[role] === undefined)
    if (missing.length > 0) {
      const hint = 'for example prefill: {layout: DEP4} and decode: {layout: DEP32}, with the limits of each'
      return [fault([...path, 'layout'], `${entry.layout} needs the cut of one engine in ${missing.join(' and ')}`, hint)]
    }
    const foreign = Object.keys(entry).filter((key) => !(PAIR_KEYS as readonly string[]).includes(key))
    const said = (['prefill', 'decode'] as const).flatMap((role) =>
      (['role', 'count'] as const).filter((key) => entry[role]?.[key] !== undefined).map((key) => [role, key]),
    )
    return [
      ...foreign.map((key) =>
        fault(
          [...path, key],
          `${entry.layout} stands for two kinds of engine`,
          `move ${key} into prefill or decode of this entry`,
        ),
      ),
      ...said.map((steps) => fault([...path, ...steps], `${entry.layout} says this already`, `remove ${steps[1]}`)),
    ]
  })
}

/** A plan serves both phases on every engine, or has engines for each phase. */
export function roleProblems(entries: readonly Entry[]): Problem[] {
  const of = (role: string) => entries.filter(({ input }) => (input.role ?? 'aggregated') === role)
  const [aggregated, prefill, decode] = [of('aggregated'), of('prefill'), of('decode')]
  const fault = ({ path }: Entry, message: string, hint: string): Problem[] => [
    { path: [...path, 'role'], message: `${showPath([...path, 'role'])}: ${message}`, hint },
  ]
  if (prefill.length + decode.length === 0) return []
  if (aggregated.length > 0) {
    const message = 'an engine that serves both phases cannot stand beside engines of prefill or decode alone'
    return fault(aggregated[0], message, 'give it the role prefill or decode, or give no engine a role')
  }
  if (decode.length === 0)
    return fault(prefill[0], 'prefill engines hand their requests on, and there is no decode engine', 'add one with role: decode')
  if (prefill.length === 0)
    return fault(decode[0], 'decode engines take over prompts, and there is no prefill engine', 'add one with role: prefill')
  return []
}

/** What the client's first token waits for is a question only where prefill hands over. */
export function poolsProblems({ first_token: given }: ScenarioInput, entries: readonly Entry[]): Problem[] {
  // engines with a fault have no entries: their roles are not known yet
  if (
    given === undefined ||
    entries.length === 0 ||
    entries.some(({ input }) => input.role === 'prefill' || input.role === 'decode')
  )
    return []
  const message = 'first_token: has no effect where every engine serves both phases'
  return [{ path: ['first_token'], message, hint: 'remove it, or give engines the roles prefill and decode' }]
}

export const hasPools = (engines: readonly Pick<EnginePlan, 'role'>[]): boolean => engines.some(({ role }) => role === 'prefill')

/** `10p1d`, or null when every engine serves both phases. */
export function poolsName(engines: readonly EnginePlan[]): string | null {
  const count = (wanted: string) => engines.reduce((sum, { role, count }) => sum + (role === wanted ? count : 0), 0)
  return hasPools(engines) ? `${count('prefill')}p${count('decode')}d` : null
}

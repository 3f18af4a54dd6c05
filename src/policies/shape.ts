/** Whether what a file exports is a policy of its lever, before it is asked anything. */
import type { EngineNeeds, LeverName, PolicyInfo } from '../levers/lever.js'
import { nearest } from '../suggest.js'
import { HOOKS, MOST_PLANNING_PS } from './hooks.js'

const TEXTS = ['name', 'complexity', 'wins', 'loses', 'source'] as const
const LISTS = ['hooks', 'inputs'] as const
/** Numbers that a policy may declare: least value, and what they are. */
const NUMBERS: Readonly<Partial<Record<LeverName, readonly (readonly [string, number, string])[]>>> = {
  chunk: [['paceNs', 1, 'the time promised for a token, whole ns >= 1']],
  rank: [['planningPs', 0, 'the picoseconds that planning costs a step, whole and >= 0']],
  span: [['largest', 1, 'the largest degree that is ever answered, a whole number >= 1']],
}
/** What a policy may say that it needs of engines: a clause to complete its refusal, or a number. */
const NEEDS: Readonly<Record<keyof EngineNeeds, 'clause' | 'number'>> = {
  prefixCaches: 'clause',
  severalRanks: 'clause',
  lanes: 'number',
  stepTokens: 'number',
}

/** What the simulator reads of a policy beside `info` and its methods; a class may have getters for them. */
export const FIELDS = ['state', 'planningPs', 'paceNs', 'readsCandidates', 'largest', 'priceNs'] as const

/** A policy of any lever. */
export interface PolicyShape {
  readonly info: PolicyInfo
  readonly state?: Float64Array
  readonly [key: string]: unknown
}

/** Sentences about what is missing or of the wrong kind; none when it is a policy. */
export function shapeFaults(lever: LeverName, policy: unknown): string[] {
  if (policy === null || typeof policy !== 'object')
    return [`its function made ${policy === null ? 'null' : `a ${typeof policy}`}, not a policy`]
  // methods may be those of its class
  const rest = policy as Partial<PolicyShape>
  const { info, state } = rest
  const faults = info === null || typeof info !== 'object' ? ['info is missing'] : infoFaults(lever, info)
  const hooks = HOOKS[lever].filter(({ decides }) => decides).map(({ name }) => name)
  if (!hooks.some((name) => typeof rest[name] === 'function'))
    faults.push(
      `a ${lever} policy has the method ${hooks.join(' or ')}, and this one has ${
        Object.keys(rest)
          .filter((key) => key !== 'info' && key !== 'state')
          .join(', ') || 'none'
      }`,
    )
  if (state !== undefined && Object.prototype.toString.call(state) !== '[object Float64Array]')
    faults.push('state must be a Float64Array, or left out')
  if (lever === 'split' && !isPlanningTime(rest.planningPs))
    faults.push(
      'planningPs must be the picoseconds that planning costs a step, from 0 to 1e12, or a function of the sequences that gives them',
    )
  for (const [key, least, what] of NUMBERS[lever] ?? [])
    if (rest[key] !== undefined && !(Number.isSafeInteger(rest[key]) && (rest[key] as number) >= least))
      faults.push(`${key} must be ${what}, or left out`)
  if (rest.priceNs !== undefined) faults.push('priceNs is for oracles: the model prices the decisions of a policy')
  if (lever === 'chunk' && typeof rest.readsCandidates !== 'boolean') faults.push('readsCandidates must be true or false')
  return [...faults, ...hookFaults(lever, info, rest)]
}

/** What would never be called, or never be charged. */
function hookFaults(lever: LeverName, info: unknown, policy: Readonly<Record<string, unknown>>): string[] {
  const has = (name: string): boolean => typeof policy[name] === 'function'
  const names = HOOKS[lever].map(({ name }) => name)
  const { hooks } = (info ?? {}) as Partial<PolicyInfo>
  const faults = (Array.isArray(hooks) ? hooks : [])
    .filter((hook) => !(names.includes(hook) && has(hook)))
    .map(
      (hook) =>
        `info.hooks names ${hook}: ${names.includes(hook) ? 'there is no such method' : `a ${lever} policy is asked ${names.join(', ')}`}`,
    )
  // an empty list says nothing; what is no method alone is read wherever it is
  const called = names.filter((name) => has(name) && !(FIELDS as readonly string[]).includes(name))
  if (Array.isArray(hooks) && hooks.length > 0)
    faults.push(...called.filter((name) => !hooks.includes(name)).map((name) => `info.hooks does not name ${name}, which it has`))
  // other names may be those of methods that its own call
  for (const name of methodsOf(policy)) {
    const meant = names.includes(name) || name.startsWith('_') ? null : nearest(name, names, 1, 1)
    if (meant !== null)
      faults.push(
        `it has the method ${name}, which nobody calls: did you mean ${meant}? one of its own needs another name, such as _${name}`,
      )
  }
  if (lever === 'rank' && has('place') && has('assign'))
    faults.push('it has both place and assign: a request is given its rank on arrival or before a step, so keep one of them')
  if (lever === 'rank' && policy.planningPs !== undefined && !has('assign') && !has('migrate'))
    faults.push('planningPs is charged to steps before which assign or migrate was asked, and it has neither: leave it out')
  return faults
}

/** Names of the methods of an object and of its classes; getters are not asked. */
function methodsOf(policy: object): string[] {
  const names = new Set<string>()
  for (let at: object | null = policy; at !== null; at = Object.getPrototypeOf(at))
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(at)))
      if (typeof value === 'function') names.add(name)
  return [...names]
}

const isPlanningTime = (time: unknown): boolean =>
  typeof time === 'function' || (typeof time === 'number' && time >= 0 && time <= MOST_PLANNING_PS)

function infoFaults(lever: LeverName, info: PolicyInfo): string[] {
  const faults: string[] = []
  if (info.lever !== lever) faults.push(`info.lever is ${JSON.stringify(info.lever)}, and it is used as a ${lever} policy`)
  for (const key of TEXTS)
    if (typeof info[key] !== 'string' || info[key] === '') faults.push(`info.${key} must be a text, and not an empty one`)
  for (const key of LISTS)
    if (!Array.isArray(info[key]) || !info[key].every((entry) => typeof entry === 'string'))
      faults.push(`info.${key} must be a list of texts`)
  if (info.oracle !== undefined) faults.push('info.oracle is for the shipped bounds: leave it out')
  if (typeof info.shapeAware !== 'boolean') faults.push('info.shapeAware must be true or false')
  const { signalAge } = info
  if (signalAge !== 'now' && !(typeof signalAge === 'number' && signalAge >= 0))
    faults.push("info.signalAge must be 'now' or a period in ns")
  return [...faults, ...needsFaults(info.needs)]
}

function needsFaults(needs: unknown): string[] {
  if (needs === undefined) return []
  if (needs === null || typeof needs !== 'object' || Array.isArray(needs))
    return ['info.needs must be an object that says what engines must have, or left out']
  return Object.entries(needs).flatMap(([key, value]) => {
    const kind = Object.hasOwn(NEEDS, key) ? NEEDS[key as keyof EngineNeeds] : null
    if (kind === null) return [`info.needs.${key} is not known: engines can be asked for ${Object.keys(NEEDS).join(', ')}`]
    if (kind === 'number')
      return Number.isSafeInteger(value) && value >= 1 ? [] : [`info.needs.${key} must be a whole number >= 1, or left out`]
    return typeof value === 'string' && value !== ''
      ? []
      : [`info.needs.${key} must be a text that says what for, such as 'weighs what prefix caches hold', or left out`]
  })
}

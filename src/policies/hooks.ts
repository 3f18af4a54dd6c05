/** The methods by which each lever's policy is asked, and what it may answer. A new hook is one row here. */
import type { PolicyOf } from '../levers/catalogue.js'
import {
  type EngineStepView,
  LEVERS,
  type LeverName,
  type LoadView,
  type Moves,
  type RolesView,
  SPLIT_COUNT,
  SPLIT_GRID,
  SPLIT_LAUNCHES,
  SPLIT_PAYLOAD,
  SPLIT_PER_REQUEST,
  SPLIT_SIZE,
  type SplitBatch,
  type SplitDecision,
} from '../levers/lever.js'

export interface Hook {
  readonly name: string
  /** `view`: read only. `out`: filled by the policy. `plain`: a word or number. */
  readonly arguments: readonly ('view' | 'out' | 'plain')[]
  /** Every policy of the lever has it, or another such hook. */
  readonly decides?: true
  /** Empties what the policy fills: nothing of the decision before passes for an answer, or for a memory. */
  clear?(args: readonly unknown[]): void
  /** The sentence that says what is wrong with the answer, null when nothing is. */
  fault(answer: unknown, args: readonly unknown[]): string | null
}

/** A second: no planner takes longer for a step, and times of a simulation stay whole ns below 2^53. */
export const MOST_PLANNING_PS = 1e12

const show = (answer: unknown): string =>
  typeof answer === 'object' && answer !== null
    ? 'an object'
    : typeof answer === 'string'
      ? `'${answer}'`
      : `${String(answer)}${typeof answer === 'bigint' ? 'n' : ''}`

const isWhole = (answer: unknown): answer is number => typeof answer === 'number' && Number.isSafeInteger(answer)

/** A place among those of the view. */
function placeFault(answer: unknown, [view]: readonly unknown[]): string | null {
  const { count } = view as LoadView
  return isWhole(answer) && answer >= 0 && answer < count
    ? null
    : `returned ${show(answer)}; a whole number from 0 to ${count - 1} is due`
}

function tokensFault(answer: unknown, [view]: readonly unknown[]): string | null {
  const least = (view as { decodeSequences: number }).decodeSequences === 0 ? 1 : 0
  return isWhole(answer) && answer >= least
    ? null
    : `returned ${show(answer)}; a whole number of tokens >= ${least} is due${least === 1 ? ', since nothing decodes' : ''}`
}

/** Most CTAs of one dimension of a grid, in y and z (CUDA). */
const MOST_GRID = 65_535

/** Kinds with a value: the least and the largest, and whether it must be whole, since nobody launches half a CTA. */
const VALUES: Readonly<Record<number, { readonly least: number; readonly most?: number; readonly whole?: true }>> = {
  [SPLIT_COUNT]: { least: 1, whole: true },
  [SPLIT_SIZE]: { least: 1 },
  [SPLIT_PAYLOAD]: { least: 0 },
  [SPLIT_GRID]: { least: 1, most: MOST_GRID, whole: true },
}

function valueFault({ kind, value }: SplitDecision): string | null {
  if (!Object.hasOwn(VALUES, kind)) return `set out.kind to ${show(kind)}; one of the constants SPLIT_... is due`
  const { least, most = Number.MAX_VALUE, whole } = VALUES[kind]
  if (typeof value === 'number' && value >= least && value <= most && (!whole || isWhole(value))) return null
  const range = most === MOST_GRID ? `from ${least} to ${most}` : `>= ${least}`
  return `set out.value to ${show(value)}; a ${whole ? 'whole ' : ''}number ${range} is due`
}

function clearPlan([, , out]: readonly unknown[]): void {
  const { pieces, launchOf } = out as SplitDecision
  Object.assign(out as SplitDecision, { kind: undefined, value: undefined, longestFirst: undefined, launches: undefined })
  pieces.fill(0)
  launchOf.fill(-1)
}

function clearMoves([, out]: readonly unknown[]): void {
  const { from, sequence, to } = out as Moves
  for (const column of [from, sequence, to]) column.fill(-1)
}

function planFault(answer: unknown, [batch, , out]: readonly unknown[]): string | null {
  const { kind, pieces, longestFirst, launches, launchOf } = out as SplitDecision
  if (answer !== undefined) return `returned ${show(answer)}; it fills \`out\` and returns nothing`
  // an array of the policy's own is of another realm
  if (!(pieces instanceof Int32Array && launchOf instanceof Int32Array))
    return 'replaced out.pieces or out.launchOf, which it fills'
  if (typeof longestFirst !== 'boolean') return `set out.longestFirst to ${show(longestFirst)}; true or false is due`
  if (kind !== SPLIT_PER_REQUEST && kind !== SPLIT_LAUNCHES) return valueFault(out as SplitDecision)
  const { n } = batch as SplitBatch
  for (let i = 0; i < n; i++)
    if (!(pieces[i] >= 1)) return `set out.pieces[${i}] to ${pieces[i]}; every sequence has at least 1 piece`
  if (kind === SPLIT_PER_REQUEST) return null
  if (!(isWhole(launches) && launches >= 1 && launches <= n)) return `set out.launches to ${show(launches)}; 1 to ${n} are due`
  for (let i = 0; i < n; i++)
    if (!(launchOf[i] >= 0 && launchOf[i] < launches)) return `put sequence ${i} into launch ${launchOf[i]} of ${launches}`
  return null
}

function switchFault(answer: unknown, [view]: readonly unknown[]): string | null {
  const { count } = view as RolesView
  // whether that engine may is checked by the core
  return isWhole(answer) && answer >= -1 && answer < count
    ? null
    : `returned ${show(answer)}; -1 or an engine from 0 to ${count - 1} is due`
}

const degreeFault = (answer: unknown): string | null =>
  isWhole(answer) && answer >= 1 ? null : `returned ${show(answer)}; a whole number of ranks >= 1 is due`

const timeFault = (answer: unknown): string | null =>
  typeof answer === 'number' && answer >= 0 && answer <= MOST_PLANNING_PS
    ? null
    : `returned ${show(answer)}; picoseconds from 0 to ${MOST_PLANNING_PS} are due`

const nothingFault = (answer: unknown): string | null =>
  answer === undefined ? null : `returned ${show(answer)}; it fills \`out\` and returns nothing`

function holdFault(answer: unknown, [view]: readonly unknown[]): string | null {
  if (typeof answer !== 'boolean') return `returned ${show(answer)}; true or false is due`
  const { ranks, decoding } = view as EngineStepView
  const decodes = Array.from({ length: ranks }, (_, rank) => decoding(rank)).some((n) => n > 0)
  return answer && !decodes ? 'holds the prompts of an engine where nothing decodes: it would wait for itself' : null
}

const TABLE = {
  split: [
    { name: 'plan', arguments: ['view', 'view', 'out'], decides: true, clear: clearPlan, fault: planFault },
    // where it is a function
    { name: 'planningPs', arguments: ['plain'], fault: timeFault },
  ],
  chunk: [
    { name: 'prefillTokens', arguments: ['view'], decides: true, fault: tokensFault },
    { name: 'hold', arguments: ['view'], fault: holdFault },
  ],
  rank: [
    { name: 'place', arguments: ['view', 'view'], decides: true, fault: placeFault },
    // what is filled in is checked by the core, which knows the ranks
    {
      name: 'assign',
      arguments: ['view', 'out', 'plain'],
      decides: true,
      clear: ([, out]) => (out as Int32Array).fill(-1),
      fault: nothingFault,
    },
    { name: 'migrate', arguments: ['view', 'out'], clear: clearMoves, fault: nothingFault },
  ],
  span: [{ name: 'degree', arguments: ['view', 'view'], decides: true, fault: degreeFault }],
  pool: [
    { name: 'route', arguments: ['view', 'view', 'plain'], decides: true, fault: placeFault },
    { name: 'switchRole', arguments: ['view', 'view'], fault: switchFault },
  ],
} as const satisfies { readonly [L in LeverName]: readonly Hook[] }

/** The table is whole: a method of a policy that has no row here would be asked without guard. */
type Methods<P> = { [K in keyof P]-?: [Extract<P[K], (...args: never[]) => unknown>] extends [never] ? never : K }[keyof P]
type Unguarded = { [L in LeverName]: Exclude<Methods<PolicyOf[L]>, (typeof TABLE)[L][number]['name'] | 'priceNs'> }[LeverName]
type Whole = [Unguarded] extends [never] ? { readonly [L in LeverName]: readonly Hook[] } : { readonly unguarded: Unguarded }

export const HOOKS: Whole = TABLE

/** All names, so that shared memory can hold a number for each. */
export const HOOK_NAMES: readonly string[] = [...new Set(LEVERS.flatMap((lever) => HOOKS[lever].map(({ name }) => name)))]

/** A recipe of traffic: its keys and what each may hold. Strict: an unknown key is an error. What fits together is in `recipeRules.ts`. */
import * as z from 'zod'
import type { Path } from '../../yaml/text.js'
import type { ArrivalSpec } from './arrivals.js'
import type { LawSpec } from './laws.js'
import type { LengthSpec } from './lengths.js'
import type { DriftSpec, ProfileSpec } from './pace.js'
import type { PrefixSpec } from './prefixes.js'
import type { SessionSpec } from './sessions.js'

/** Requests of drawn traffic: with about 230 B for each while it is drawn, more do not fit the memory of a laptop. */
export const MOST_REQUESTS = 20_000_000

export interface Recipe {
  /** One sentence: what the traffic imitates; kept in the trace. */
  readonly note?: string
  /** How much is drawn: whole sessions until there are so many requests, or all that begin within so long. Exactly one of the two. */
  readonly requests?: number
  readonly duration_s?: number
  /** Longest input + output of a request; longer ones are drawn anew. */
  readonly max_tokens: number
  /** Tokens of a prefix block; only whole blocks are written. Needed by, and only with, sessions and prefixes. */
  readonly block_tokens?: number
  /** Kinds of requests by name; with more than one of them the name is the class of a request. */
  readonly streams: Readonly<Record<string, StreamRecipe>>
}

export interface StreamRecipe {
  /** Mean rate: requests, or with `session` sessions, per second. */
  readonly rate_per_s: number
  readonly arrivals: ArrivalSpec
  readonly profile?: ProfileSpec
  readonly drift?: DriftSpec
  readonly clients?: ClientSpec
  /** Exactly one of lengths (single requests) and session. */
  readonly lengths?: LengthSpec
  readonly session?: SessionSpec
  readonly prefixes?: PrefixSpec
}

/** A stream as the superposition of clients, each a tenant: the k-th has a share of the rate of 1 / k^zipf. */
export interface ClientSpec {
  readonly count: number
  readonly zipf: number
  /** Law of the clients' gap CV; their gaps are Gamma. Without it all have the arrivals of the stream. */
  readonly cv?: LawSpec
  /** Standard deviation of the logarithm of a factor by which all lengths of a client differ from the stream's. */
  readonly length_sigma?: number
  /** Clients begin at a random place of the profile, up to so many seconds later. */
  readonly shift_s?: number
}

const says = (what: string) => ({ error: () => `expected ${what}` })
const number = (min: number, max: number, what: string) => {
  const message = says(`${what}: a number from ${min} to ${max}`)
  return z.number(message).min(min, message).max(max, message)
}
const above0 = (max: number, what: string) => {
  const message = says(`${what}: a number above 0 and up to ${max}`)
  return z.number(message).gt(0, message).max(max, message)
}
const whole = (min: number, max: number, what: string) => {
  const message = says(`${what}: a whole number from ${min} to ${max}`)
  return z.int(message).min(min, message).max(max, message)
}
const share = (what: string) => number(0, 1, what)
const list = (what: string) =>
  z.array(number(0, 1e15, what), says(`a list of numbers (${what})`)).min(1, says('at least one entry'))

const MOST = 1e15
const LAW =
  'a law: a number, {lognormal: [mu, sigma]}, {mix: [{weight, lognormal}, ...]}, {exponential: mean}, {uniform: [low, high]} or {p: [0, ..., 100], x: [...]}; min and max clip lognormal, mix and exponential'
const lognormal = z.tuple([z.number().min(-50).max(50), z.number().min(0).max(10)])
const bounds = { min: z.number().min(0).max(MOST).optional(), max: z.number().min(0).max(MOST).optional() }
const table = z
  .strictObject({ p: z.array(z.number().min(0).max(100)).min(2), x: z.array(z.number().min(0).max(MOST)).min(2) })
  .refine(
    ({ p, x }) => p.length === x.length && p[0] === 0 && p[p.length - 1] === 100 && ascending(p) && ascending(x),
    says('{p: [0, ..., 100], x: [...]}, equally long and both ascending'),
  )
const law = z.union(
  [
    z.number().min(0).max(MOST),
    table,
    z.strictObject({ lognormal, ...bounds }),
    z.strictObject({ mix: z.array(z.strictObject({ weight: z.number().gt(0), lognormal })).min(1), ...bounds }),
    z.strictObject({ exponential: z.number().gt(0).max(MOST), ...bounds }),
    z.strictObject({
      uniform: z
        .tuple([z.number().min(0).max(MOST), z.number().min(0).max(MOST)])
        .refine(([low, high]) => low <= high, says('the lower bound first')),
    }),
  ],
  says(LAW),
)

function ascending(values: readonly number[]): boolean {
  return values.every((value, i) => i === 0 || value >= values[i - 1])
}

const ARRIVALS = {
  poisson: z.strictObject({ law: z.literal('poisson') }),
  gamma: z.strictObject({ law: z.literal('gamma'), cv: number(0.05, 100, 'coefficient of variation of the gaps') }),
  weibull: z.strictObject({ law: z.literal('weibull'), cv: number(0.05, 20, 'coefficient of variation of the gaps') }),
  table: z.strictObject({
    law: z.literal('table'),
    gaps: table.refine(({ x }) => x[x.length - 1] > 0, says('a gap above 0')),
  }),
  mmpp: z.strictObject({
    law: z.literal('mmpp'),
    states: z
      .array(z.strictObject({ weight: number(0, 1e6, 'weight'), dwell_s: above0(1e9, 'mean time in the state, s') }))
      .min(2, says('two states or more'))
      .refine((states) => states.some(({ weight }) => weight > 0), says('a weight above 0')),
  }),
  bursts: z.strictObject({ law: z.literal('bursts'), requests: law, gap_s: law, silence_s: law }),
} as const
const arrivals = z.discriminatedUnion('law', Object.values(ARRIVALS) as never, {
  error: (issue) =>
    issue.code === 'invalid_union' ? `expected law: one of ${Object.keys(ARRIVALS).join(', ')}` : 'expected a mapping with law',
})

const profile = z.strictObject({ until_s: list('ends of steps, s'), factors: list('rate against the mean') })
const drift = z.strictObject({
  step_s: above0(1e7, 'length of a step, s'),
  cv: number(0, 10, 'coefficient of variation of the factor'),
  memory: number(0, 0.9999, 'correlation of neighbouring steps'),
})
const clients = z.strictObject({
  count: whole(1, 10_000, 'clients'),
  zipf: number(0, 5, 'exponent'),
  cv: law.optional(),
  length_sigma: number(0, 3, 'spread of lengths').optional(),
  shift_s: number(0, 1e7, 'seconds').optional(),
})
const lawsByBin = z.strictObject({ edges: list('input tokens'), laws: z.array(law, says('a list of laws')).min(1) })
const PLAIN_LENGTHS = [
  z.strictObject({ table: z.string() }),
  z.strictObject({ isl: law, osl: z.union([law, lawsByBin]), rho: z.number().gt(-1).lt(1).optional() }),
] as const
const lengths = z.union(
  [
    ...PLAIN_LENGTHS,
    z.strictObject({
      kinds: z.array(z.union(PLAIN_LENGTHS)).min(1),
      until_s: z.array(z.number().gt(0).max(MOST)).min(1),
      shares: z.array(z.array(z.number().min(0).max(1))).min(1),
    }),
  ],
  says(
    `lengths: {table: NAME}, or {isl: LAW, osl: LAW or {edges, laws}, rho}, or {kinds: [LENGTHS, ...], until_s, shares}; LAW is ${LAW}`,
  ),
)
const system = z.union(
  [
    z.strictObject({ groups: z.int().min(1).max(100_000), zipf: z.number().min(0).max(5), tokens: law }),
    z.strictObject({ shares: z.array(z.number().min(0).max(1)).min(1), tokens: z.array(z.number().min(1).max(1e7)).min(1) }),
  ],
  says('system prompts: {groups, zipf, tokens: LAW}, or {shares: [...], tokens: [...]}'),
)
const reuse = z.strictObject({
  edges: list('input tokens'),
  chance: list('probability'),
  share: z.array(law, says('a list of laws')).min(1),
  continues: list('probability'),
  age_s: z.strictObject({ part: law, whole: law }),
})
const prefixes = z.strictObject({
  system: system.optional(),
  documents: z
    .strictObject({
      share: share('share of the requests'),
      count: whole(1, 1_000_000, 'documents'),
      zipf: number(0, 5, 'exponent'),
      tokens: law,
    })
    .optional(),
  reuse: reuse.optional(),
})
const lawByBin = z.union([law, lawsByBin], says(`${LAW}; or {edges, laws} by the steps of a thread`))
const session = z.strictObject({
  steps: law,
  first_context: lawByBin,
  growth: lawByBin.optional(),
  added: lawByBin.optional(),
  output: law,
  wait_s: z.union(
    [law, z.strictObject({ tool: law, human: law, human_share: share('share of waits for a person') })],
    says(`{tool, human, human_share}, or ${LAW}`),
  ),
  reset: z.strictObject(
    { chance: share('chance of a step'), keeps: share('share of the context that is kept') },
    says('a mapping: {chance, keeps}, the chance of a step that shortens the context and the share that it keeps'),
  ),
  context_limit: whole(2, 16_777_216, 'tokens'),
  subagents: z.strictObject({ share: share('share of the sessions'), count: law, steps: law, first_context: law }).optional(),
})
const streamRecipe = z.strictObject(
  {
    rate_per_s: above0(1e6, 'mean rate per second'),
    arrivals: arrivals.default({ law: 'poisson' } as never),
    profile: profile.optional(),
    drift: drift.optional(),
    clients: clients.optional(),
    lengths: lengths.optional(),
    session: session.optional(),
    prefixes: prefixes.optional(),
  },
  says('a mapping with the keys of a stream'),
)

export const recipeSchema = z.strictObject({
  note: z.string(says('a sentence')).max(1024, says('a sentence of up to 1024 letters')).optional(),
  requests: whole(1, MOST_REQUESTS, 'requests').optional(),
  duration_s: above0(9e6, 'seconds').optional(),
  max_tokens: whole(2, 16_777_216, 'longest input + output').default(131_072),
  block_tokens: whole(1, 65_536, 'tokens of a prefix block').optional(),
  streams: z
    .record(
      z.string().regex(/^[A-Za-z][A-Za-z0-9._-]{0,63}$/, says("a name: a letter, then letters, digits, '.', '_' or '-'")),
      streamRecipe,
      says('streams by name'),
    )
    .refine((streams) => Object.keys(streams).length > 0, says('at least one stream')),
})

const KEYS: Readonly<Record<string, readonly string[]>> = {
  '': Object.keys(recipeSchema.shape),
  'streams.*': Object.keys(streamRecipe.shape),
  'streams.*.arrivals': ['law', 'cv', 'gaps', 'states', 'requests', 'gap_s', 'silence_s'],
  'streams.*.profile': Object.keys(profile.shape),
  'streams.*.drift': Object.keys(drift.shape),
  'streams.*.clients': Object.keys(clients.shape),
  'streams.*.prefixes': Object.keys(prefixes.shape),
  'streams.*.prefixes.reuse': Object.keys(reuse.shape),
  'streams.*.prefixes.documents': ['share', 'count', 'zipf', 'tokens'],
  'streams.*.session': Object.keys(session.shape),
  'streams.*.session.wait_s': ['tool', 'human', 'human_share'],
  'streams.*.session.reset': ['chance', 'keeps'],
  'streams.*.session.subagents': ['share', 'count', 'steps', 'first_context'],
}

/** Keys that a recipe may have at a path. */
export function recipeKeysAt(path: Path): readonly string[] {
  const pattern = path.map((step, i) => (i === 1 ? '*' : step)).join('.')
  return Object.hasOwn(KEYS, pattern) ? KEYS[pattern] : []
}

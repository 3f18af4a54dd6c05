/** Published measurements of partitioning as a data file, `data/levers/published.json`: each cell with its source and what was assumed. */
import * as z from 'zod'
import { readDataFile } from '../../dataFile.js'

/**
 * `fit`: the only rows that constants may be fitted to. `judge`: compared and counted. `context`: compared, counted nowhere, because it was not
 * read well enough.
 */
const ROLES = ['fit', 'judge', 'context'] as const

const whole = z.int().min(1).max(1e7)
const attention = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('gqa'), query_heads: whole, kv_heads: whole, head_dim: whole }),
  z.strictObject({ kind: z.literal('mla'), query_heads: whole, kv_rank: whole, rope: whole }),
])
const lengths = z.discriminatedUnion('law', [
  /** All of `tokens`. */
  z.strictObject({ law: z.literal('equal'), tokens: whole }),
  /** The mix that an engineer of FlashInfer PR 3379 called close to production. */
  z.strictObject({ law: z.literal('production') }),
  z.strictObject({ law: z.literal('lognormal'), mean: whole, cv: z.number().positive().max(10) }),
  /** These, over and over. */
  z.strictObject({ law: z.literal('listed'), tokens: z.array(whole).min(1) }),
  /** Requests of a published table of traffic, met at a random step of their answers. */
  z.strictObject({ law: z.literal('residents'), table: z.string().min(1) }),
])
const kernel = { slots: whole, attention, kv: z.enum(['fp8', 'bf16']) }
const setting = z.discriminatedUnion('kind', [
  /** Times of one kernel under two policies, over every pair of `sequences` and `lengths`. */
  z.strictObject({
    ...kernel,
    kind: z.literal('kernel'),
    sequences: z.array(whole).min(1),
    lengths: z.array(lengths).min(1),
    baseline: z.string().min(1),
    candidate: z.string().min(1),
    /** The candidate is launched longest first, whatever its policy says. */
    longest_first: z.literal(true).optional(),
  }),
  /** Time of one launch of equal lengths, us. */
  z.strictObject({ ...kernel, kind: z.literal('kernel-time'), sequences: whole, tokens: whole, policy: z.string().min(1) }),
  /** A coefficient of a published cost model, in the units of the constants here. */
  z.strictObject({
    ...kernel,
    kind: z.literal('coefficient'),
    what: z.enum(['overhead_tiles', 'merge_tiles', 'root_of_length']),
  }),
  /** Part of the price of a ragged batch (against as many sequences of the mean length) that is attention. */
  z.strictObject({ ...kernel, kind: z.literal('penalty-share'), sequences: whole, lengths, policy: z.string().min(1) }),
  /** Attention data parallel ranks that hold back prefill until others have some too. */
  z.strictObject({
    kind: z.literal('prefill-wait'),
    ranks: whole,
    /** Each of these, where the source does not say. */
    slots_per_rank: z.array(whole).min(1),
    input_mean: whole,
    output_mean: whole,
    budget_tokens: whole,
    wait_steps: whole,
    gather_steps: z.int().min(0).max(1e4),
  }),
  /** A request's KV spread over `degree` GPUs against a copy on each. */
  z.strictObject({
    kind: z.literal('context-parallel'),
    input: whole,
    output: whole,
    degree: whole,
    in_flight: z.array(whole).min(1),
    exchange_us: z.number().positive().max(1e3),
  }),
])

const cell = z
  .strictObject({
    id: z.string().min(1),
    source: z.string().min(1),
    /** A = vendor or source code, B = a public measurement that was read, C = recalled or read in an excerpt. */
    trust: z.enum(['A', 'B', 'C']),
    role: z.enum(ROLES),
    gpu: z.string().min(1),
    setting,
    quantity: z.enum(['speed_up', 'balance_ratio', 'share', 'kernel_us', 'tiles', 'pieces_per_sqrt_token']),
    /** null when only the sign is published. */
    published: z.number().positive().max(1e6).nullable(),
    /** Sign, where no number is published. */
    sign: z.enum(['gain', 'loss']).optional(),
    assumed: z.array(z.string().min(1)),
    /** Of a fit row: why no constant was fitted to it. */
    unused: z.string().min(1).optional(),
    /** Why the model misses the cell. */
    missed: z.string().min(1).optional(),
  })
  .refine(({ published, sign }) => (published === null) === (sign !== undefined), {
    message: 'a cell has either a published number or a sign',
  })

export type Lengths = z.infer<typeof lengths>
export type CellSetting = z.infer<typeof setting>
export type SettingOf<K extends CellSetting['kind']> = Extract<CellSetting, { kind: K }>
export type Cell = z.infer<typeof cell>

const schema = z.strictObject({ title: z.string().min(1), note: z.string().min(1), cells: z.array(cell).min(1) })

/** The published cells, in the order of the file. */
export function loadCells(): readonly Cell[] {
  const { cells } = readDataFile({
    kind: 'published cells',
    nameOrPath: 'published',
    names: ['published'],
    folder: new URL('../../../data/levers/', import.meta.url),
    schema,
  })
  return cells
}

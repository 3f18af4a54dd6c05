/** The keys of a scenario and what each may hold. Strict: an unknown key is an error. Cross-field rules are in rules.ts. */
import * as z from 'zod'
import { ENGINE_ROLES } from '../models/model.js'
import { MOE_PATHS, PROFILES } from '../timing/calibration.js'
import { PRESETS } from '../traces/presetNames.js'
import { COLUMN_ROLES } from '../traces/table/roles.js'
import { MOST_GPUS } from './layout.js'
import { choice, expecting, flag, integer, name, positive, text } from './leaves.js'
import { LOAD_METHODS, SESSION_REPLAYS } from './loadKeys.js'
import { readSchema } from './readKeys.js'

/** Longest limit that means anything: a day. */
const DAY_MS = 86_400_000
const milliseconds = positive(DAY_MS, 'milliseconds, without a unit')
const meanE2e = (min: number, max: number) => {
  const message = expecting(`a number from ${min} to ${max} (mean end-to-end times)`)
  return z.number(message).min(min, message).max(max, message)
}
const degree = integer(1, MOST_GPUS, 'GPUs')

const draftTokens = integer(0, 16, 'draft tokens')
const MTP = 'draft tokens from 0 to 16, as in 3 or mtp3, or a mapping with n and acceptance (a probability)'
const mtp = z.union(
  [
    draftTokens,
    z.string().regex(/^mtp(\d|1[0-6])$/i, expecting(MTP)),
    z.strictObject({
      n: draftTokens,
      acceptance: z
        .number(expecting('a probability from 0 to 1'))
        .min(0, expecting('a probability from 0 to 1'))
        .max(1, expecting('a probability from 0 to 1'))
        .optional(),
    }),
  ],
  expecting(MTP),
)

const ENGINE_SHAPE = {
  name: name('a name').optional(),
  role: choice(ENGINE_ROLES).optional(),
  count: integer(1, 18432, 'engines').optional(),
  layout: text('a layout such as TP4, TEP8 or DEP16').optional(),
  tp: degree.optional(),
  pp: degree.optional(),
  dp: degree.optional(),
  cp: degree.optional(),
  moe_tp: degree.optional(),
  moe_ep: degree.optional(),
  max_num_seqs: integer(1, 8192, 'sequences').optional(),
  max_num_batched_tokens: integer(1, 65536, 'tokens').optional(),
  max_model_len: integer(2, 16_777_216, 'tokens').optional(),
  block_size: integer(1, 1024, 'tokens').optional(),
  kv_memory_fraction: positive(1, 'share of the free memory').optional(),
  num_gpu_blocks: integer(1, 1e9, 'blocks').optional(),
  enable_prefix_caching: flag.optional(),
  kv_offload: z
    .strictObject(
      { host_gb_per_gpu: positive(1e6, 'GB (1e9 bytes) of host memory for each GPU') },
      expecting('a mapping with host_gb_per_gpu'),
    )
    .optional(),
  mtp: mtp.optional(),
  kv_reservation: choice(['grow', 'full']).optional(),
  may_switch: flag.optional(),
  moe_path: choice(MOE_PATHS).optional(),
}
const member = z.strictObject(ENGINE_SHAPE, expecting('a mapping with the keys of an engine'))
/** One kind of engine; or, with a layout such as 10p1d, a pair of kinds, whose own keys are in `prefill` and `decode`. */
const engine = z.strictObject(
  { ...ENGINE_SHAPE, prefill: member.optional(), decode: member.optional() },
  expecting('a mapping with the keys of an engine'),
)

const load = z.strictObject(
  {
    method: choice(LOAD_METHODS).optional(),
    fraction: positive(2, 'share of the capacity of the static arm').optional(),
    rate_per_s: positive(1e6, 'requests per second; of a trace with sessions, sessions per second').optional(),
    speed_up: positive(1e6, 'times the recorded rate').optional(),
    concurrency: integer(1, 1_000_000, 'requests in flight; of a trace with sessions, sessions').optional(),
    sessions: choice(SESSION_REPLAYS).optional(),
  },
  expecting('a mapping with method and one amount'),
)

const workload = z.strictObject(
  {
    path: text('the path of a trace').optional(),
    preset: choice([...PRESETS, 'uniform']).optional(),
    isl: integer(1, 16_777_216, 'tokens').optional(),
    osl: integer(1, 16_777_216, 'tokens').optional(),
    spread: positive(1, 'shortest length as a share of the nominal one').optional(),
    requests: integer(1, 10_000_000, 'requests').optional(),
    load: load.optional(),
    cache_answers: flag.optional(),
    spread_ticks: flag.optional(),
    read: readSchema.optional(),
  },
  expecting('a mapping with path or preset'),
)

const limits = z.strictObject(
  {
    ttft_ms: milliseconds.optional(),
    tpot_ms: milliseconds.optional(),
    gap_ms: milliseconds.optional(),
    e2e_ms: milliseconds.optional(),
    attainment: positive(1, 'share of the requests that must meet all limits').optional(),
  },
  expecting('a mapping of limits'),
)

const policy = text('the name of a policy').optional()
const arm = z.strictObject(
  { split: policy, chunk: policy, rank: policy, span: policy, pool: policy },
  expecting('a mapping of levers to policies'),
)

export const scenarioSchema = z.strictObject({
  system: text('gb200, gb300 or the path of a file'),
  racks: integer(1, 256, 'racks').optional(),
  model: text('a model or the path of a file'),
  precision: choice(['nvfp4', 'fp8', 'mxfp4', 'bf16']).optional(),
  kv_precision: choice(['fp8', 'bf16']).optional(),
  profile: choice(PROFILES).optional(),
  moe_path: choice(MOE_PATHS).optional(),
  first_token: choice(['prefill', 'decode']).optional(),
  engines: z
    .array(engine, expecting('a list of engines'))
    .min(1, expecting('at least one engine'))
    .max(64, expecting('at most 64 kinds of engine')),
  workload,
  slo: z.strictObject({ interactive: limits.optional() }, expecting('a mapping with interactive')).optional(),
  admission: z
    .strictObject(
      { max_queue: integer(1, 1e9, 'requests').optional(), timeout_ms: milliseconds.optional() },
      expecting('a mapping'),
    )
    .optional(),
  arms: z.record(name('the name of an arm'), arm, expecting('a mapping of names to arms')).optional(),
  experiment: z
    .strictObject(
      {
        replicates: integer(1, 1000, 'replicates').optional(),
        warmup: meanE2e(0, 100).optional(),
        measure: meanE2e(8, 10_000).optional(),
        seed: integer(0, Number.MAX_SAFE_INTEGER, 'seed').optional(),
      },
      expecting('a mapping'),
    )
    .optional(),
})

export type ScenarioInput = z.infer<typeof scenarioSchema>
/** What an arm names of each lever. */
export type LeversInput = z.infer<typeof arm>
export type EntryInput = ScenarioInput['engines'][number]
export type EngineInput = z.infer<typeof member>

const NESTED: Readonly<Record<string, readonly string[]>> = {
  '': Object.keys(scenarioSchema.shape),
  'engines.*': Object.keys(engine.shape),
  'engines.*.prefill': Object.keys(member.shape),
  'engines.*.decode': Object.keys(member.shape),
  'engines.*.mtp': ['n', 'acceptance'],
  'engines.*.kv_offload': ['host_gb_per_gpu'],
  workload: Object.keys(workload.shape),
  'workload.load': Object.keys(load.shape),
  'workload.read': Object.keys(readSchema.shape),
  'workload.read.columns': COLUMN_ROLES,
  slo: ['interactive'],
  'slo.interactive': Object.keys(limits.shape),
  admission: ['max_queue', 'timeout_ms'],
  'arms.*': Object.keys(arm.shape),
  experiment: ['replicates', 'warmup', 'measure', 'seed'],
}

/** Keys allowed in the mapping at `path`. */
export function keysAt(path: readonly (string | number)[]): readonly string[] {
  const pattern = path.map((step, i) => (typeof step === 'number' || path[i - 1] === 'arms' ? '*' : step)).join('.')
  return Object.hasOwn(NESTED, pattern) ? NESTED[pattern] : []
}

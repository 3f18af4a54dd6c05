/**
 * A measured row as a plan of the simulator: engines with their true cut, limits and memory, the load, and what was assumed. Plain data;
 * the constants enter later (rowCluster.ts).
 */
import { loadSystem } from '../hardware/load.js'
import { loadModel } from '../models/load.js'
import { kvBytesPerTokenPerGpu, weightBytesPerGpu } from '../models/memory.js'
import type { EngineRole, Parallelism, Precision } from '../models/model.js'
import { layoutName } from '../scenario/layout.js'
import type { MoePath, Profile } from '../timing/index.js'
import { modelOf, precisionOf, systemOf } from './names.js'
import { moePathOf, profileOf } from './profile.js'
import type { ServingRow, ShapeColumns } from './servingRow.js'
import { kvPrecisionOf, type RecipeSettings, type RoleSettings } from './settings.js'
import { type EngineShape, shapeOf } from './shape.js'

export interface RowEngine {
  readonly role: EngineRole
  readonly count: number
  readonly parallelism: Parallelism
  readonly layout: string
  readonly basis: EngineShape['basis']
  readonly moePath: MoePath
  /** Limits of one rank. */
  readonly maxNumSeqs: number
  readonly maxNumBatchedTokens: number
  /** Longest request that this role holds. */
  readonly maxModelLen: number
  readonly numGpuBlocks: number
  readonly draftTokens: number
}

export interface RowPlan {
  readonly id: string
  readonly system: string
  readonly model: string
  readonly precision: Precision
  readonly kvPrecision: 'fp8' | 'bf16'
  readonly profile: Profile
  readonly mode: 'disagg' | 'agg'
  readonly engines: readonly RowEngine[]
  readonly isl: number
  readonly osl: number
  readonly concurrency: number
  /** Of all engines. */
  readonly gpus: number
  readonly draftTokens: number
  /** Sequences that the limits let all decoding ranks run at once, more than are in flight if they say so; null where no limit is known. */
  readonly slots: number | null
  /** Switched off: transfers take no time; shared experts are not hidden behind the routed ones. */
  readonly freeTransfers?: boolean
  readonly overlap?: boolean
  /** System, model, format, stack and true cuts; not the concurrency, the lengths' draws or the release. */
  readonly shapeKey: string
}

export type Mapped = RowPlan | { readonly id: string; readonly refused: string }

/** Tokens of a KV block: TensorRT-LLM's default. With whole-request reservation it rounds each request up and does nothing else. */
export const BLOCK_TOKENS = 32
/** Bytes of a GPU that are neither weights nor KV in TensorRT-LLM's split of the free memory. Trust C: batches of 768 ran at DEP4. */
const TRTLLM_RESERVE_BYTES = 8 * 2 ** 30
/** KV shares where the recipe is silent: TensorRT-LLM of the free memory, the others of the whole GPU (their defaults, trust B). */
const DEFAULT_KV_FRACTION: Readonly<Record<string, number>> = { trtllm: 0.9, sglang: 0.85, vllm: 0.9 }
/**
 * Share of the whole GPU where the recipe is silent and the default leaves KV less than `SCARCE_KV_SHARE` of it: weights that fill the
 * GPU run only with a raised share, and every published recipe of such engines raises it to this. Trust B.
 */
const RAISED_KV_FRACTION = 0.95
const SCARCE_KV_SHARE = 0.05
/** Draft tokens of a speculative row that does not say how many: the commonest number in the recipes. */
const USUAL_DRAFT_TOKENS = 3
/** Tokens of a prefill step of one rank where the recipe is silent: the benchmark's usual setting, trust C. */
const DEFAULT_PREFILL_TOKENS: Readonly<Record<string, number>> = { trtllm: 16384, sglang: 16384, vllm: 8192 }

/** Far above any measurement; what is larger is a slip of the pen and would only fill the memory. */
const MOST = { concurrency: 2 ** 18, tokens: 2 ** 20, engines: 4096, draftTokens: 16 } as const

class Refusal extends Error {}
const refuse = (reason: string): never => {
  throw new Refusal(reason)
}
const named = <T extends object>(found: T | { readonly reason: string }): T =>
  'reason' in found ? refuse(found.reason as string) : (found as T)

/** The plan of a row, or the reason why it cannot be simulated. */
export function planRow(row: ServingRow, settings: RecipeSettings | undefined): Mapped {
  try {
    return mapped(row, settings)
  } catch (error) {
    if (error instanceof Refusal) return { id: row.id, refused: error.message }
    throw error
  }
}

interface Engines {
  readonly role: EngineRole
  readonly count: number
  readonly gpus: number
  readonly shape: EngineShape
}

const demandAtMost = (what: string, value: number, most: number, unit = ''): void => {
  if (value > most) refuse(`${what} is ${value}, more than ${most}${unit}`)
}

function mapped(row: ServingRow, settings: RecipeSettings | undefined): RowPlan {
  if (row.faults.length > 0) return refuse(row.faults.join('; '))
  const system = named(systemOf(row.system)).name
  const model = named(modelOf(row.model)).name
  const { precision } = named(precisionOf(model, row.precision))
  const { isl, osl, concurrency } = row
  if (isl === null || osl === null || isl < 1 || osl < 2) return refuse('it has no input and output lengths')
  if (concurrency === null || concurrency < 1) return refuse('it has no concurrency')
  demandAtMost('isl', isl, MOST.tokens)
  demandAtMost('osl', osl, MOST.tokens)
  demandAtMost('concurrency', concurrency, MOST.concurrency)
  const draftTokens = settings?.draftTokens ?? row.draftTokens ?? (row.speculation === 'yes' ? USUAL_DRAFT_TOKENS : 0)
  demandAtMost('the number of draft tokens', draftTokens, MOST.draftTokens)
  const groups =
    row.mode === 'agg' ? [aggregated(row, precision, model, system)] : disaggregated(row, settings, precision, model, system)
  const aggregate = row.mode === 'agg'
  const decodeDp = groups[groups.length - 1].shape.parallelism.dp
  const { backend, measuredDate } = row
  const profile = profileOf({ backend, measuredDate, precision, isl, aggregate, decodeDp })
  if (profile === null) return refuse(`the backend ${row.backend || '(blank)'} has no profile`)
  const kvPrecision = kvPrecisionOf(backend, precision, settings)
  const common = { system, model, precision, kvPrecision, isl, osl, concurrency, backend: row.backend } as const
  const engines = groups.map((group) => rowEngine(group, { ...common, draftTokens }, settings))
  return {
    id: row.id,
    ...{ system, model, precision, kvPrecision, profile, isl, osl, concurrency, draftTokens },
    mode: aggregate ? 'agg' : 'disagg',
    engines,
    gpus: groups.reduce((sum, group) => sum + group.count * group.gpus, 0),
    slots: slotsOf(groups[groups.length - 1], settings),
    shapeKey: [
      ...[system, model, precision, row.backend, `${isl}/${osl}`, `mtp${draftTokens}`],
      ...engines.map((engine) => `${engine.count}${engine.role[0]}:${engine.layout}`),
    ].join(' '),
  }
}

const expertsOf = (model: string): boolean => loadModel(model).ffn.kind === 'moe'

function groupOf(
  row: ServingRow,
  role: EngineRole,
  columns: ShapeColumns,
  recipe: RoleSettings | null,
  precision: Precision,
  model: string,
  system: string,
): Engines {
  const { workers, gpus } = columns
  if (!workers || !gpus) return refuse(`the number of ${role} engines or of their GPUs is unknown`)
  demandAtMost(`the number of ${role} engines`, workers, MOST.engines)
  // another cut would be taken in its place
  for (const [what, degree] of [
    ['attention_tp', columns.tp],
    ['attention_dp', columns.dp],
    ['moe_ep', columns.ep],
  ] as const)
    if (degree !== null) demandAtMost(`${what} of the ${role} engine`, degree, gpus, ' GPUs')
  const shape = shapeOf({
    backend: row.backend,
    role,
    gpus,
    columns,
    recipe,
    experts: expertsOf(model),
    wholeExperts: precision === 'mxfp4',
  })
  if (shape === null) return refuse(`${gpus} GPUs of a ${role} engine fit no cut of ${model}`)
  const group: Engines = { role, count: workers, gpus, shape }
  demandFit(group, model, precision, system)
  return group
}

function disaggregated(
  row: ServingRow,
  settings: RecipeSettings | undefined,
  precision: Precision,
  model: string,
  system: string,
): Engines[] {
  if (row.mode !== 'disagg') return refuse(`the mode '${row.mode}' is neither agg nor disagg`)
  return [
    groupOf(row, 'prefill', row.prefill, settings?.prefill ?? null, precision, model, system),
    groupOf(row, 'decode', row.decode, settings?.decode ?? null, precision, model, system),
  ]
}

/**
 * An aggregated engine. Upstream labels of engines with expert parallelism multiply TP (or DP) by EP, so an engine of n GPUs with EP n is
 * labelled n^2 GPUs; an engine that does not fit one NVLink domain cannot be priced.
 */
function aggregated(row: ServingRow, precision: Precision, model: string, system: string): Engines {
  const { gpus, tp, dp, ep, pp } = row.aggregated
  if (pp !== null && pp > 1) return refuse(`pipeline parallelism ${pp} cannot be priced`)
  const squared = gpus !== null && ep !== null && ep > 1 && gpus === ep * ep
  const columns: ShapeColumns = squared
    ? { workers: 1, gpus: ep, tp: tp === null ? null : Math.min(tp, ep), dp: dp === null ? null : Math.min(dp, ep), ep }
    : { ...row.aggregated }
  return groupOf(row, 'aggregated', columns, null, precision, model, system)
}

/** Engines that no such system can hold: larger than its NVLink domain, or without room for the weights. */
function demandFit({ gpus, role, shape }: Engines, model: string, precision: Precision, system: string): void {
  const { nvlinkDomainGpus, hbmBytes } = loadSystem(system)
  const domain = nvlinkDomainGpus.value
  if (gpus > domain) refuse(`an engine of ${gpus} GPUs is larger than an NVLink domain of ${domain}`)
  const weights = weightBytesPerGpu(loadModel(model), shape.parallelism, precision)
  if (weights < hbmBytes.value) return
  const gib = (bytes: number): string => (bytes / 2 ** 30).toFixed(0)
  refuse(`${gib(weights)} GiB of weights do not fit the ${gib(hbmBytes.value)} GiB of a GPU (${role} engine of ${gpus})`)
}

interface EngineContext {
  readonly system: string
  readonly model: string
  readonly precision: Precision
  readonly kvPrecision: 'fp8' | 'bf16'
  readonly backend: string
  readonly isl: number
  readonly osl: number
  readonly concurrency: number
  readonly draftTokens: number
}

/** What the recipe says of a role; of aggregated engines there are no recipes. */
const limitsOf = (role: EngineRole, settings: RecipeSettings | undefined): RoleSettings | null =>
  role === 'aggregated' ? null : (settings?.[role] ?? null)

/** Of the recipe, not of an engine's `maxNumSeqs`: that one is cut to the requests in flight, so one rank would always look just full. */
function slotsOf({ role, count, shape }: Engines, settings: RecipeSettings | undefined): number | null {
  const limit = limitsOf(role, settings)?.maxBatchPerRank ?? null
  return limit === null ? null : count * shape.parallelism.dp * limit
}

function rowEngine({ role, count, shape }: Engines, context: EngineContext, settings: RecipeSettings | undefined): RowEngine {
  const { backend, concurrency, precision, isl, osl } = context
  const { parallelism, basis } = shape
  const limits = limitsOf(role, settings)
  const draftTokens = role === 'prefill' ? 0 : context.draftTokens
  if (limits?.maxBatchPerRank === 0) refuse(`its settings allow no sequence on a ${role} engine`)
  // no rank ever holds more than all requests in flight
  const maxNumSeqs = Math.min(concurrency, limits?.maxBatchPerRank ?? concurrency)
  const maxModelLen = role === 'prefill' ? isl : isl + osl
  const decodeTokens = maxNumSeqs * (draftTokens + 1)
  const poolTokens = kvTokens(parallelism, limits, context)
  if (poolTokens < maxModelLen)
    refuse(`the KV pool of a ${role} engine (${Math.max(0, Math.floor(poolTokens))} tokens) holds no request of ${maxModelLen}`)
  const prefillTokens = limits?.maxTokensPerRank ?? DEFAULT_PREFILL_TOKENS[backend] ?? DEFAULT_PREFILL_TOKENS.vllm
  return {
    role,
    count,
    parallelism,
    layout: layoutName(parallelism, expertsOf(context.model)),
    basis,
    moePath: moePathOf(limits?.moeBackend ?? '', precision),
    maxNumSeqs,
    maxNumBatchedTokens:
      role === 'decode' ? decodeTokens : Math.max(prefillTokens, role === 'prefill' ? maxNumSeqs : decodeTokens),
    maxModelLen,
    // whole blocks, and the tokens that speculation writes ahead of the one request that must fit
    numGpuBlocks: Math.max(Math.ceil((maxModelLen + 2 * draftTokens) / BLOCK_TOKENS), Math.floor(poolTokens / BLOCK_TOKENS)),
    draftTokens,
  }
}

/** Tokens of one rank's KV pool. */
function kvTokens(parallelism: Parallelism, limits: RoleSettings | null, context: EngineContext): number {
  const { backend, precision, kvPrecision } = context
  const model = loadModel(context.model)
  const hbm = loadSystem(context.system).hbmBytes.value
  const weights = weightBytesPerGpu(model, parallelism, precision)
  const usual = DEFAULT_KV_FRACTION[backend] ?? DEFAULT_KV_FRACTION.vllm
  const silent = usual * hbm - weights < SCARCE_KV_SHARE * hbm ? RAISED_KV_FRACTION : usual
  const bytes =
    backend === 'trtllm'
      ? (limits?.kvFraction ?? usual) * (hbm - weights - TRTLLM_RESERVE_BYTES)
      : (limits?.kvFraction ?? silent) * hbm - weights
  const tokens = bytes / kvBytesPerTokenPerGpu(model, parallelism, kvPrecision)
  return Math.min(tokens, limits?.maxTotalTokens ?? Number.POSITIVE_INFINITY)
}

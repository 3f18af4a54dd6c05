/** One entry of `engines` with its defaults filled and its memory derived. Rules are checked elsewhere. */
import type { SystemSpec } from '../hardware/system.js'
import { memoryBudget } from '../models/memory.js'
import type { ModelSpec, Parallelism, Precision } from '../models/model.js'
import type { MoePath } from '../timing/calibration.js'
import { gpusOf, layoutName, parseLayout } from './layout.js'
import type { EnginePlan } from './plan.js'
import type { EngineInput } from './schema.js'

/** Engine defaults, where the model and the rack do not decide: those of the usual serving engines. */
export const ENGINE_DEFAULTS = {
  maxNumSeqs: 256,
  maxNumBatchedTokens: 8192,
  /** Tokens; the model's own context when that is shorter. */
  maxModelLen: 131072,
  blockSize: 64,
  /** Share of the memory left after weights, activations and runtime. */
  kvMemoryFraction: 0.9,
  /** Room for what is scheduled now; later growth may preempt. */
  kvReservation: 'grow',
  /** Only traces with prefix ids have something to keep. */
  enablePrefixCaching: false,
} as const

export interface EngineContext {
  readonly system: SystemSpec
  readonly model: ModelSpec
  readonly precision: Precision
  readonly kvPrecision: 'fp8' | 'bf16'
  /** Kernel family of the routed experts where an engine names none. */
  readonly moePath: MoePath
  /** Acceptance of a drafted token where an engine names none. */
  readonly acceptance: number
}

/** Draft tokens and their acceptance; null = no speculation. */
function speculationOf({ mtp }: EngineInput, acceptance: number): EnginePlan['mtp'] {
  const given = typeof mtp === 'object' ? mtp : { n: typeof mtp === 'string' ? Number(mtp.slice(3)) : (mtp ?? 0) }
  return given.n === 0 ? null : { acceptance, ...given }
}

/** The cut of an entry; experts go to EP unless said otherwise. A sentence when its `layout` cannot be read. */
export function cutOf(input: EngineInput, model: ModelSpec): Parallelism | string {
  const experts = model.ffn.kind === 'moe'
  if (input.layout !== undefined) return parseLayout(input.layout, experts)
  const { tp = 1, pp = 1, dp = 1, cp = 1 } = input
  const width = tp * dp * cp
  const moeTp = input.moe_tp ?? (experts && input.moe_ep !== undefined && width % input.moe_ep === 0 ? width / input.moe_ep : 1)
  const moeEp = input.moe_ep ?? (experts && width % moeTp === 0 ? width / moeTp : 1)
  return { tp, pp, dp, cp, moeTp, moeEp }
}

export function resolveEngine(input: EngineInput, cut: Parallelism, count: number, context: EngineContext): EnginePlan {
  const { model, system, precision, kvPrecision } = context
  const maxNumBatchedTokens = input.max_num_batched_tokens ?? ENGINE_DEFAULTS.maxNumBatchedTokens
  const maxModelLen = input.max_model_len ?? Math.min(model.maxContext, ENGINE_DEFAULTS.maxModelLen)
  const mtp = speculationOf(input, context.acceptance)
  const tokensPerSequence = 1 + (mtp?.n ?? 0)
  const blockSize = input.block_size ?? ENGINE_DEFAULTS.blockSize
  const kvMemoryFraction = input.kv_memory_fraction ?? ENGINE_DEFAULTS.kvMemoryFraction
  const memory = memoryBudget({
    model,
    parallelism: cut,
    precision,
    kvPrecision,
    hbmBytes: system.hbmBytes.value,
    maxNumBatchedTokens,
    kvMemoryFraction,
  })
  const numGpuBlocks = input.num_gpu_blocks ?? Math.floor(memory.kvTokens / blockSize)
  const role = input.role ?? 'aggregated'
  const layout = layoutName(cut, model.ffn.kind === 'moe')
  return {
    name: input.name ?? (role === 'aggregated' ? layout.toLowerCase() : role),
    role,
    count,
    ...cut,
    layout,
    maxNumSeqs:
      input.max_num_seqs ??
      Math.max(1, Math.min(ENGINE_DEFAULTS.maxNumSeqs, Math.floor(maxNumBatchedTokens / tokensPerSequence))),
    maxNumBatchedTokens,
    maxModelLen,
    blockSize,
    kvMemoryFraction,
    numGpuBlocks,
    enablePrefixCaching: input.enable_prefix_caching ?? ENGINE_DEFAULTS.enablePrefixCaching,
    hostGbPerGpu: input.kv_offload?.host_gb_per_gpu ?? null,
    mtp,
    kvReservation: input.kv_reservation ?? ENGINE_DEFAULTS.kvReservation,
    ...(input.may_switch === true ? { maySwitch: true } : {}),
    moePath: input.moe_path ?? context.moePath,
    weightBytes: memory.weightBytes,
    kvBytesPerToken: memory.kvBytesPerToken,
    activationBytes: memory.activationBytes,
    fullLengthSequences: Math.floor(numGpuBlocks / Math.ceil(maxModelLen / blockSize)),
  }
}

/** Blocks of one rank that `kv_memory_fraction` gives; equal to `numGpuBlocks` unless the user gave that. */
export function blocksByFraction(engine: EnginePlan, context: EngineContext, fraction = engine.kvMemoryFraction): number {
  const memory = memoryBudget({
    ...context,
    parallelism: engine,
    hbmBytes: context.system.hbmBytes.value,
    maxNumBatchedTokens: engine.maxNumBatchedTokens,
    kvMemoryFraction: fraction,
  })
  return Math.floor(memory.kvTokens / engine.blockSize)
}

export const engineGpus = (engine: EnginePlan): number => gpusOf(engine)

/** Names of the engines of a kind: its own, and with several `name-0`, `name-1` … */
export const instanceNames = ({ name, count }: Pick<EnginePlan, 'name' | 'count'>): string[] =>
  count === 1 ? [name] : Array.from({ length: count }, (_, i) => `${name}-${i}`)

/**
 * The machine of the SM-level model for a kernel: constants of its family (splitConstants.ts) and the shape of its tiles. The factor that
 * the simulator uses is a ratio of two runs of this model, so the launch and merge times matter little.
 */
import type { SplitMachine } from '../levers/split/machine.js'
import type { TimingRequest } from './request.js'
import { loadSplitConstants, type SplitFamily } from './splitConstants.js'

/** Query heads of one MLA tile: 128 heads are two tiles. */
const MLA_TILE_HEADS = 64
/** Bytes of a value of a partial result and of its log-sum-exp, fp32. */
const PARTIAL_VALUE_BYTES = 4

/** What one attention kernel of one GPU works on. */
export interface SplitKernel {
  /** CTA slots of the GPU: its streaming multiprocessors, one resident CTA each. */
  readonly slots: number
  /** Bytes of one value of the KV cache: 1 (FP8) or 2 (BF16). */
  readonly kvValueBytes: number
  /** Heads on this GPU. GQA has KV heads, MLA one latent of `kvRank` + `rope` values that all query heads share. */
  readonly attention:
    | { readonly kind: 'gqa'; readonly queryHeads: number; readonly kvHeads: number; readonly headDim: number }
    | {
        readonly kind: 'mla'
        readonly queryHeads: number
        readonly kvRank: number
        readonly rope: number
        /** Tokens that a sparse indexer chooses; absent = all. */
        readonly topk?: number
      }
}

export function splitMachineOf({ slots, kvValueBytes, attention }: SplitKernel): SplitMachine {
  if (attention.kind === 'gqa') {
    const { queryHeads, kvHeads, headDim } = attention
    return {
      ...familyConstants('gqa', 1),
      slots,
      headGroups: kvHeads,
      bytesPerToken: 2 * headDim * kvValueBytes,
      partialBytes: (queryHeads / kvHeads) * (headDim + 1) * PARTIAL_VALUE_BYTES,
    }
  }
  const { queryHeads, kvRank, rope, topk } = attention
  const headGroups = Math.ceil(queryHeads / MLA_TILE_HEADS)
  return {
    // Tiles of the same request read the same latents, the second from cache, so the bandwidth of the memory counts once for each.
    ...familyConstants(queryHeads >= MLA_TILE_HEADS ? 'mla_64_heads' : 'mla_few_heads', headGroups),
    slots,
    headGroups,
    bytesPerToken: (kvRank + rope) * kvValueBytes,
    partialBytes: Math.min(queryHeads, MLA_TILE_HEADS) * (kvRank + 1) * PARTIAL_VALUE_BYTES,
    ...(topk !== undefined && { mostTokens: topk }),
  }
}

function familyConstants(family: SplitFamily, tilesOfSameBytes: number) {
  const { tile_tokens, launch_ns, families } = loadSplitConstants()
  const { bandwidth_gb_s, cta_bandwidth_gb_s, cta_overhead_ns, merge_fixed_ns } = families[family]
  return {
    tileTokens: tile_tokens.value,
    launchNs: launch_ns.value,
    mergeFixedNs: merge_fixed_ns.value,
    // one CTA reduces a request; named, so that a policy may read it
    mergeBandwidth: undefined,
    bandwidth: tilesOfSameBytes * bandwidth_gb_s.value,
    ctaBandwidth: cta_bandwidth_gb_s.value,
    ctaOverheadNs: cta_overhead_ns.value,
  }
}

/** The machine of the attention kernel of a plan. */
export function splitMachine({ system, model, parallelism, kvPrecision }: TimingRequest): SplitMachine {
  const { attention } = model
  const { tp } = parallelism
  const queryHeads = attention.heads / tp
  return splitMachineOf({
    slots: system.smsPerGpu.value,
    kvValueBytes: kvPrecision === 'fp8' ? 1 : 2,
    attention:
      attention.kind === 'gqa'
        ? { kind: 'gqa', queryHeads, kvHeads: Math.max(1, attention.kvHeads / tp), headDim: attention.headDim }
        : {
            kind: 'mla',
            queryHeads,
            kvRank: attention.kvRank,
            rope: attention.rope,
            topk: attention.sparseIndexer?.topk,
          },
  })
}

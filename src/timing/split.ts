/**
 * Constants of the SM-level model, per kernel family. Read off the measured decode rows: batches of several waves, ragged last waves
 * and large reads identify the time per CTA (o), the bandwidth of one CTA (b) and of the memory (BW). The factor that the simulator
 * uses is a ratio of two runs of this model, so the launch and merge times matter little.
 */
import type { SplitMachine } from '../levers/split/machine.js'
import type { TimingRequest } from './request.js'

/** KV tokens of one tile (common kernels: 64-256). */
const TILE_TOKENS = 128
/** A separate merge pass and a launch in a captured graph, ns. Trust C (published inference: 3 us; 2-4 us). */
const MERGE_FIXED_NS = 3000
const LAUNCH_NS = 3000
/** Query heads of one MLA tile: 128 heads are two tiles. */
const MLA_TILE_HEADS = 64
/** Bytes of a value of a partial result and of its log-sum-exp, fp32. */
const PARTIAL_VALUE_BYTES = 4

export function splitMachine({ system, model, parallelism, kvPrecision }: TimingRequest): SplitMachine {
  const { attention } = model
  const slots = system.smsPerGpu.value
  const width = kvPrecision === 'fp8' ? 1 : 2
  const common = { slots, tileTokens: TILE_TOKENS, mergeFixedNs: MERGE_FIXED_NS, launchNs: LAUNCH_NS }
  if (attention.kind === 'gqa') {
    const kvHeads = Math.max(1, attention.kvHeads / parallelism.tp)
    const queryHeads = attention.heads / parallelism.tp / kvHeads
    return {
      ...common,
      // Marginal rate of the largest reads (b 64, 16 k to 32 k tokens): 7.6 TB/s. Ragged second waves of 160 and 192 tiles: b 120-135 GB/s, o 2 us.
      bandwidth: 7600,
      ctaBandwidth: 125,
      ctaOverheadNs: 2000,
      headGroups: kvHeads,
      bytesPerToken: 2 * attention.headDim * width,
      partialBytes: queryHeads * (attention.headDim + 1) * PARTIAL_VALUE_BYTES,
    }
  }
  const heads = attention.heads / parallelism.tp
  const headGroups = Math.ceil(heads / MLA_TILE_HEADS)
  const wide = heads >= MLA_TILE_HEADS
  return {
    ...common,
    // Few heads are bound by the memory (marginal 6.9 TB/s, b >= 53 shown, 70 fits public ragged results). Tiles of 64 heads run in whole
    // waves at a fixed 92 GB/s per CTA with o = 8 us; two tiles read the same latents, the second from cache, so BW counts both.
    bandwidth: headGroups * 6900,
    ctaBandwidth: wide ? 92 : 70,
    ctaOverheadNs: wide ? 8000 : 3000,
    headGroups,
    bytesPerToken: (attention.kvRank + attention.rope) * width,
    partialBytes: Math.min(heads, MLA_TILE_HEADS) * (attention.kvRank + 1) * PARTIAL_VALUE_BYTES,
  }
}

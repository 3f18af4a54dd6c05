/**
 * What plain interpolation of the measured rows reaches: errors on a random fifth of the fully measured tables, each row read
 * between its neighbours along one axis (decode and prefill attention: along both), before any of it was left out here.
 */

export interface ErrorPair {
  readonly median_pct: number
  readonly p90_pct: number
}

const pair = (median_pct: number, p90_pct: number): ErrorPair => ({ median_pct, p90_pct })

/** By `family` or `family/kind`; GB200, then GB300 where it differs. Trust A: computed from the same source tables. */
const REACHED: Readonly<Record<string, readonly [ErrorPair, ErrorPair?]>> = {
  'gemm_trtllm/bfloat16': [pair(3.3, 14), pair(3.3, 13)],
  'gemm_trtllm/fp8': [pair(3.1, 9.6), pair(2.9, 8.9)],
  'gemm_trtllm/fp8_block': [pair(1.6, 6.6), pair(1.2, 6)],
  'gemm_trtllm/nvfp4': [pair(1.1, 5.4), pair(1.1, 4.7)],
  'generation-attention_trtllm': [pair(3.9, 14), pair(4, 15)],
  'context-attention_trtllm': [pair(4.4, 13), pair(4.1, 13)],
  'mla-generation-module_trtllm': [pair(3.2, 9.2), pair(3.3, 9.4)],
  'mla-context-module_trtllm': [pair(3.7, 13), pair(2.9, 12)],
  'moe_trtllm/fp8_block': [pair(1.7, 7.6)],
  'moe_trtllm/nvfp4': [pair(1.9, 7.5)],
  'moe_trtllm/w4a8_mxfp4_mxfp8': [pair(3.1, 9.7)],
  alltoall_trtllm: [pair(1.4, 6.2)],
  'deepep-normal_sglang/dispatch_us': [pair(1.5, 5.1)],
  'deepep-normal_sglang/combine_us': [pair(1.3, 6.3)],
  nccl: [pair(2.2, 17), pair(2.5, 11)],
  'custom-allreduce_trtllm': [pair(1.9, 4.6), pair(6.4, 17)],
  'custom-allreduce_sglang': [pair(2.9, 9.5)],
}

/** Null when it is not known for the rows. */
export function interpolationOf(family: string, kind: string, system: string): ErrorPair | null {
  const found = REACHED[`${family}/${kind}`] ?? REACHED[family]
  return found ? ((system === 'gb300' ? found[1] : null) ?? found[0]) : null
}

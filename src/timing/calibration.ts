/**
 * What kernels do not tell: engine profiles (facts about a serving stack, chosen by name) and the few global constants that were fitted
 * to measured serving rows. Constants multiply or add to the groups of a step; they never depend on a configuration.
 */

/** A serving stack and the time of its release: named, never fitted per row. `generic` is the plain sum of operators. */
export const PROFILES = [
  'generic',
  'trtllm-2025',
  'trtllm-2026',
  'sglang-2025',
  'sglang-2025-dep24',
  'sglang-2026',
  'vllm-2026',
] as const
export type Profile = (typeof PROFILES)[number]

/** Which kernel family computes the routed experts. `auto` = the newest general one of the tables. */
export const MOE_PATHS = ['auto', 'cutlass', 'cutedsl', 'trtllm-gen', 'deepgemm'] as const
export type MoePath = (typeof MOE_PATHS)[number]

/** Global constants. Each has a physical meaning, a neutral value and, in data/calibration/nvl72.json, a fitted value with its spread. */
export interface Constants {
  /** All step time of releases before 2026, x. */
  readonly era2025: number
  /** Routed experts, x, by kernel path. */
  readonly expertsDeepGemm: number
  readonly expertsCuteDsl: number
  /** Probability that a drafted token is accepted, given that those before it were. */
  readonly acceptance: number
  /** Sparse-attention indexer of GLM-5: us per layer and decode step, and us per layer and decoded position. */
  readonly sparseIndexerUs: number
  readonly sparseTokenUs: number
  /** Host time per decode step of stacks whose scheduler is a Python loop between steps (SGLang, vLLM), ms. */
  readonly hostPythonMs: number
  /** Client, frontend, router and KV handshake of every request, ms. */
  readonly frontendMs: number
  /**
   * Prefill step time, x, by stack and layout. SGLang with attention data parallelism: NVFP4 gathers the tokens on every rank
   * (`prefillSglangDp`), FP8 exchanges them with DeepEP (`prefillSglangDeepEp`). `prefillSglangFp8Slow`: FP8 whose experts are cut within each
   * expert, and the release `sglang-2025-dep24`. vLLM's prefill is priced as TensorRT-LLM's.
   */
  readonly prefillTrtllm: number
  readonly prefillSglangDp: number
  readonly prefillSglangDeepEp: number
  readonly prefillSglangTp: number
  readonly prefillSglangFp8Slow: number
  /**
   * Time that an all-reduce of a serving step takes beyond the one timed alone, for each doubling of its GPUs, us: where experts are spread over
   * them, or where there are more than the 4 that were timed.
   */
  readonly allReduceHopUs: number
}

export const NEUTRAL: Constants = {
  era2025: 1,
  expertsDeepGemm: 1,
  expertsCuteDsl: 1,
  acceptance: 0.8,
  sparseIndexerUs: 0,
  sparseTokenUs: 0,
  hostPythonMs: 0,
  frontendMs: 0,
  prefillTrtllm: 1,
  prefillSglangDp: 1,
  prefillSglangDeepEp: 1,
  prefillSglangTp: 1,
  prefillSglangFp8Slow: 1,
  allReduceHopUs: 0,
}

/** Mean tokens that a sequence gains in a decode step with `draftTokens` drafted: 1 + p + … + p^s. */
function tokensPerStep(draftTokens: number, acceptance: number): number {
  let total = 1
  for (let k = 1; k <= draftTokens; k++) total += acceptance ** k
  return total
}

/** The same for the token clock of an engine, which counts in whole 1024ths: tokens that a sequence gains in 1024 decode steps. */
export const tokensPer1024Steps = (draftTokens: number, acceptance: number): number =>
  Math.floor(1024 * tokensPerStep(draftTokens, acceptance))

/**
 * What a serving stack and the time of its release imply for the price of a step. One row per profile; nothing here was fitted: the
 * fitted numbers are the `Constants` that the rows name.
 */
import { WEIGHT_BYTES } from '../models/memory.js'
import type { ModelSpec, Precision } from '../models/model.js'
import type { OperatorGroup } from '../models/operator.js'
import type { KernelChoice } from '../models/operators.js'
import type { Constants, MoePath, Profile } from './calibration.js'
import { MEASURED_COLLECTIVE_GPUS } from './kernels/exchange.js'
import { promptShare } from './price.js'
import type { TimingRequest } from './request.js'

interface ProfileFacts {
  /** Released before 2026: every step takes `era2025` times as long. */
  readonly before2026: boolean
  /**
   * Host time of a decode or mixed step, ms: `assumed` = `ASSUMED_HOST_MS`, `overlapped` = hidden behind the GPU, `python` = `hostPythonMs`,
   * stacks whose scheduler is a Python loop between steps.
   */
  readonly host: 'assumed' | 'overlapped' | 'python'
  /** Sequences of the one graph that every decode step replays, live or padded; 1 = graphs of every size. */
  readonly graphRows: number
  /** Multiplier of a prefill step. */
  readonly prefill: 'none' | 'trtllm' | 'sglang'
  /** FP8 prefill of SGLang as slow with attention data parallelism as it is without: `prefillSglangFp8Slow`. */
  readonly slowFp8: boolean
  /** Expert kernels of NVFP4 layouts with attention data parallelism; other layouts run the general or the low-latency ones. */
  readonly dataParallelFp4: MoePath
  /** Exchanges tokens with DeepEP (low-latency kernels in decode) and sums with SGLang's all-reduce. */
  readonly deepEp: boolean
}

type StackFacts = Omit<ProfileFacts, 'before2026' | 'dataParallelFp4'>
const TRTLLM: StackFacts = { host: 'overlapped', graphRows: 1, prefill: 'trtllm', slowFp8: false, deepEp: false }
const SGLANG: StackFacts = { host: 'python', graphRows: 1, prefill: 'sglang', slowFp8: false, deepEp: true }
const VLLM: StackFacts = { host: 'python', graphRows: 1, prefill: 'trtllm', slowFp8: false, deepEp: false }
const NONE: StackFacts = { host: 'assumed', graphRows: 1, prefill: 'none', slowFp8: false, deepEp: false }

const FACTS: Readonly<Record<Profile, ProfileFacts>> = {
  generic: { ...NONE, before2026: false, dataParallelFp4: 'auto' },
  'trtllm-2025': { ...TRTLLM, before2026: true, dataParallelFp4: 'cutlass' },
  'trtllm-2026': { ...TRTLLM, before2026: false, dataParallelFp4: 'cutedsl' },
  'sglang-2025': { ...SGLANG, before2026: true, dataParallelFp4: 'cutedsl' },
  // 768 is the largest captured batch in its recipe; that it is the only one is inferred from a flat TPOT, and the slow prefill from its speed
  // (docs/decisions/0007), trust C
  'sglang-2025-dep24': { ...SGLANG, before2026: true, dataParallelFp4: 'cutedsl', graphRows: 768, slowFp8: true },
  'sglang-2026': { ...SGLANG, before2026: false, dataParallelFp4: 'cutedsl' },
  'vllm-2026': { ...VLLM, before2026: false, dataParallelFp4: 'cutlass' },
}

/**
 * Host time of a step that the GPU waits for, ms, where no stack is named. Published fits to served systems find 0 (overlapped scheduler)
 * to about 1 ms per decode step, general notes 0.2-2 ms: the middle, trust C.
 */
const ASSUMED_HOST_MS = 0.5
const US_PER_MS = 1e3
/** Bytes of a weight, FP8 in blocks against NVFP4 with its scales: few tokens are bound by them. Measured FP8 rows fit 1.74 to 1.78. */
const FP8_OVER_NVFP4_BYTES = WEIGHT_BYTES.fp8 / WEIGHT_BYTES.nvfp4

/** Kernel families that experts of a weight format run on, `auto` first; none without experts. */
export function moePathsOf(precision: Precision, model: ModelSpec): readonly MoePath[] {
  if (model.ffn.kind === 'dense') return []
  if (precision === 'nvfp4') return ['auto', 'cutlass', 'cutedsl', 'trtllm-gen']
  if (precision === 'mxfp4') return ['auto', 'trtllm-gen']
  return precision === 'fp8' && model.attention.kind === 'mla' ? ['auto', 'deepgemm', 'trtllm-gen'] : ['auto', 'cutlass']
}

/** What the kernels of the experts and their price depend on. */
type ExpertsRequest = Pick<TimingRequest, 'profile' | 'role' | 'precision' | 'parallelism' | 'model' | 'constants' | 'moePath'>

/** Expert kernels that `auto` stands for. */
export function moePathOf({ profile, moePath, precision, parallelism, model }: ExpertsRequest): MoePath {
  if (moePath !== 'auto' || profile === 'generic') return moePath
  if (precision === 'nvfp4') return parallelism.dp > 1 ? FACTS[profile].dataParallelFp4 : 'trtllm-gen'
  if (precision === 'fp8' && model.attention.kind === 'mla') return parallelism.dp > 1 ? 'deepgemm' : 'trtllm-gen'
  return 'auto'
}

/** TRTLLM-gen experts of FP8 checkpoints in blocks: no rows of their own, the NVFP4 ones stand for them. */
const isFp8Gen = (request: ExpertsRequest): boolean =>
  request.precision === 'fp8' && request.model.attention.kind === 'mla' && moePathOf(request) === 'trtllm-gen'

/** Measured kernels of the engine's operators. */
export function kernelsOf(request: ExpertsRequest): KernelChoice {
  const { profile, role, precision, parallelism } = request
  // Their rows fit the small batches of engines without attention data parallelism; with it, the general ones fit better.
  const small = parallelism.dp === 1 && moePathOf(request) === 'trtllm-gen'
  const gen = small && (precision === 'nvfp4' || isFp8Gen(request))
  return {
    ...(gen && { experts: 'min_latency' }),
    ...(isFp8Gen(request) && { expertType: 'nvfp4' }),
    ...(profile !== 'generic' && { staticScales: true }),
    ...(FACTS[profile].deepEp && role === 'decode' && { exchange: 'deepep-ll' }),
    ...(FACTS[profile].deepEp && { allReduce: 'sglang-graph' }),
  }
}

/** Sequences that a step of this role computes at least: padding of a captured graph. Prefill runs without graphs. */
export const graphRowsOf = ({ profile, role }: TimingRequest): number => (role === 'decode' ? FACTS[profile].graphRows : 1)

/** A factor or a sum that a step is corrected by, with the name of the constant it comes from. */
export interface Named {
  readonly value: number
  readonly why: string
}

export const productOf = (factors: readonly Named[]): number => factors.reduce((product, { value }) => product * value, 1)

const ASSUMED_HOST: Named = { value: ASSUMED_HOST_MS, why: 'assumed, trust C' }

/** What the constants make of the groups of a step. */
export interface StepScale {
  /** Of every group. */
  readonly all: readonly Named[]
  /** Of the experts (group `shared`), besides. */
  readonly experts: readonly Named[]
  /** Of the experts, besides, in decode steps. */
  readonly decodeExperts: readonly Named[]
  /** Of every group, besides, in steps of prompts. */
  readonly prompts: readonly Named[]
  /** Of an engine that serves both phases the most tokens that a rank decodes in a step, see `factorsOf`; null of others. */
  readonly decodedTokens: number | null
  /** Time that every step adds, ms, before `all`. */
  readonly hostMs: readonly Named[]
  /** Time that every decoded position (a sequence and its drafts) adds, us, before `all`. */
  readonly positionUs: readonly Named[]
}

/** Multiplier of a step of prompts, by stack and layout. */
function prefillFactor({ profile, parallelism, precision }: TimingRequest, constants: Constants): Named[] {
  switch (FACTS[profile].prefill) {
    case 'none':
      return []
    case 'trtllm':
      return [{ value: constants.prefillTrtllm, why: 'prefillTrtllm' }]
    case 'sglang':
      if (precision === 'fp8' && (FACTS[profile].slowFp8 || (parallelism.dp === 1 && parallelism.moeTp > 1)))
        return [{ value: constants.prefillSglangFp8Slow, why: 'prefillSglangFp8Slow' }]
      if (parallelism.dp === 1) return [{ value: constants.prefillSglangTp, why: 'prefillSglangTp' }]
      return precision === 'fp8'
        ? [{ value: constants.prefillSglangDeepEp, why: 'prefillSglangDeepEp' }]
        : [{ value: constants.prefillSglangDp, why: 'prefillSglangDp' }]
  }
}

/** The ratio of bytes belongs to the rows that stand for the experts. */
const rowsFactor = (request: ExpertsRequest): Named[] =>
  isFp8Gen(request) ? [{ value: FP8_OVER_NVFP4_BYTES, why: 'FP8 weights against the rows of NVFP4, by bytes' }] : []

/** The constants belong to the decode steps that they were seen in. */
function decodeExpertsFactor(request: ExpertsRequest): Named[] {
  const { constants, precision, parallelism, role } = request
  if (role === 'prefill' || isFp8Gen(request)) return []
  const path = moePathOf(request)
  if (path === 'cutedsl') return [{ value: constants.expertsCuteDsl, why: 'expertsCuteDsl' }]
  const deepGemm = precision === 'fp8' && path === 'deepgemm' && parallelism.dp > 1
  return deepGemm ? [{ value: constants.expertsDeepGemm, why: 'expertsDeepGemm' }] : []
}

/** Whether the family that a request names is the one that runs anyway, or makes another price than `auto`. */
export function moePathMatters(request: ExpertsRequest): boolean {
  const auto: ExpertsRequest = { ...request, moePath: 'auto' }
  const only = moePathsOf(request.precision, request.model).length === 2 // auto and one family
  if (only || request.moePath === moePathOf(auto)) return true
  const price = (of: ExpertsRequest): string =>
    JSON.stringify([kernelsOf(of), productOf([...rowsFactor(of), ...decodeExpertsFactor(of)])])
  return price(request) !== price(auto)
}

/** Time that a step of this role adds beside its operators, ms, before the release's factor. */
function hostOf(request: TimingRequest): Named[] {
  const { profile, role, constants, model, parallelism } = request
  const { host } = FACTS[profile]
  const own: Named[] = host === 'assumed' ? [ASSUMED_HOST] : []
  if (role === 'prefill') return own
  if (host === 'python') own.push({ value: constants.hostPythonMs, why: 'hostPythonMs' })
  if (model.attention.kind === 'mla' && model.attention.sparseIndexer)
    own.push({ value: (model.layers * constants.sparseIndexerUs) / US_PER_MS, why: 'sparseIndexerUs' })
  // Ranks wait for the one whose experts were hit. With the same work on each, up to 4 GPUs rows show no such wait; 8 take as long as with experts.
  const shown = parallelism.moeEp > 1 || parallelism.tp > MEASURED_COLLECTIVE_GPUS
  if (shown && parallelism.tp > 1) {
    const calls = model.layers * (parallelism.dp === 1 ? 2 : 1)
    const us = calls * Math.log2(parallelism.tp) * constants.allReduceHopUs
    own.push({ value: us / US_PER_MS, why: 'allReduceHopUs' })
  }
  return own
}

/** Choosing the tokens that a position attends to. */
function positionOf({ role, constants, model, draftTokens }: TimingRequest): Named[] {
  if (role === 'prefill' || model.attention.kind !== 'mla' || !model.attention.sparseIndexer) return []
  return [{ value: (model.layers + draftTokens) * constants.sparseTokenUs, why: 'sparseTokenUs' }]
}

/** Factors and sums that the constants of a request apply to the groups of its steps. With `generic` and neutral constants: the assumed host time. */
export function scaleOf(request: TimingRequest): StepScale {
  const { profile, role, constants, maxNumSeqs, draftTokens } = request
  const facts = FACTS[profile]
  const era: Named[] = facts.before2026 ? [{ value: constants.era2025, why: 'era2025' }] : []
  return {
    all: era,
    experts: rowsFactor(request),
    decodeExperts: decodeExpertsFactor(request),
    prompts: role === 'decode' ? [] : prefillFactor(request, constants),
    decodedTokens: role === 'aggregated' ? maxNumSeqs * (draftTokens + 1) : null,
    hostMs: hostOf(request),
    positionUs: positionOf(request),
  }
}

/** Groups that work on the tokens of a step one by one, whatever they belong to. */
const TOKEN_WISE: ReadonlySet<OperatorGroup> = new Set(['local', 'shared', 'exchange'])

/**
 * Factors of a group in a step of so many tokens on a rank. All constants were fitted on engines of one phase. On one that serves both, attention over
 * prompts has the factor of prompts, that of decoding sequences none, and token-wise work goes from the one to the other as steps fill up beyond what they can hold
 * without prompts, by `promptShare`: a step without prompts is priced as a decode engine's, one that is full of them as a prefill engine's. Not measured, trust C.
 */
export function factorsOf(
  { all, experts, decodeExperts, prompts, decodedTokens }: StepScale,
  group: OperatorGroup,
  tokens: number,
): readonly Named[] {
  const own = group === 'shared' ? [...experts, ...all] : all
  const decode = group === 'shared' ? decodeExperts : []
  if (decodedTokens === null) return [...decode, ...prompts, ...own]
  if (group === 'prefill') return [...prompts, ...own]
  if (!TOKEN_WISE.has(group)) return own
  const [share, from, to] = [promptShare(tokens, decodedTokens), productOf(decode), productOf(prompts)]
  if (share === 0 || from === to) return [...decode, ...own]
  if (share === 1) return [...prompts, ...own]
  const why = `between ${[decode, prompts].map((factors) => factors.map((factor) => factor.why).join(', ') || 'decode').join(' and ')}`
  return [{ value: from + (to - from) * share, why }, ...own]
}

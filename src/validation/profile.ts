/** Facts of the serving stack behind a row: the release profile, by backend and date, and the expert kernels, by the recipe. */

import type { Precision } from '../models/model.js'
import type { MoePath, Profile } from '../timing/index.js'

/** Releases measured before this date form the 2025 profiles. */
const ERA_BOUNDARY = '2026-01'
const BACKENDS = ['trtllm', 'sglang', 'vllm'] as const

export interface ProfileRequest {
  readonly backend: string
  /** ISO date, '' = unknown: the newest release is assumed. */
  readonly measuredDate: string
  readonly precision: Precision
  /** Nominal input tokens. */
  readonly isl: number
  /** One engine for both phases: the slow releases of 2025 were those of disaggregated serving. */
  readonly aggregate: boolean
  /** Attention DP of the decode engines. */
  readonly decodeDp: number
}

/** Long prompts begin here: the slow SGLang release of 2025 was measured at 8192 tokens. */
const LONG_PROMPT = 4096
const DEP24 = 24

/** The profile of a row, or null for an unknown backend. */
export function profileOf({ backend, measuredDate, precision, isl, aggregate, decodeDp }: ProfileRequest): Profile | null {
  const known = BACKENDS.find((name) => name === backend)
  if (known === undefined) return null
  // one vLLM era was measured on these racks
  if (known === 'vllm') return 'vllm-2026'
  if (aggregate || measuredDate === '' || measuredDate >= ERA_BOUNDARY) return `${known}-2026`
  if (known === 'sglang' && precision === 'fp8' && decodeDp === DEP24 && isl >= LONG_PROMPT) return 'sglang-2025-dep24'
  return `${known}-2025`
}

/** The expert kernels by the recipe's words (lower case; '' = not said); `auto`: what the stack chooses by itself for the format and the cut. */
export function moePathOf(moeBackend: string, precision: Precision): MoePath {
  if (moeBackend.includes('cutedsl')) return 'cutedsl'
  if (moeBackend.includes('deepgemm')) return 'deepgemm'
  if (moeBackend.includes('cutlass') || moeBackend.includes('wideep')) return 'cutlass'
  if (moeBackend.includes('deepep')) return precision === 'fp8' ? 'deepgemm' : 'cutedsl'
  return moeBackend.includes('trtllm') ? 'trtllm-gen' : 'auto'
}

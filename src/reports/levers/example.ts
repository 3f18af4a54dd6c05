/** The situation in which decisions of policies are drawn: one engine of a real plan, and requests of very different shapes. */
import type { EngineConfig } from '../../simulator/config.js'

/** KV lengths of the sequences that decode on one rank, tokens, ascending: many short ones, a few long, one very long. */
export const DECODING: readonly number[] = [
  ...[1_800, 2_100, 2_600, 3_000, 3_300, 3_900, 4_200, 4_800, 5_500, 6_100],
  ...[8_200, 9_000, 12_000, 16_400, 18_000, 24_000, 33_000, 48_000, 65_000, 131_000],
]

/** Prompts in order of arrival, tokens, and the conversation that each continues: every third is a long one. */
export const ARRIVING: readonly { readonly tokens: number; readonly session: number }[] = Array.from({ length: 48 }, (_, i) => ({
  tokens: i % 13 === 5 ? 96_000 : i % 3 === 2 ? 18_000 + 1_500 * (i % 7) : 900 + 350 * (i % 11),
  session: (i * 7) % 12,
}))

export interface Example {
  /** The engine in words, as in `DeepSeek-R1 DEP32 on gb200`. */
  readonly title: string
  readonly engine: EngineConfig
}

export const thousands = (tokens: number): string => Math.round(tokens).toLocaleString('en-US')

/** A bar of whole columns; anything above 0 is drawn. */
export const bar = (value: number, most: number, width: number): string =>
  '█'.repeat(value > 0 ? Math.max(1, Math.round((value / most) * width)) : 0)

/**
 * The serving settings behind measured rows (batch limits, token budgets, KV limits, kernel paths, true cuts), joined by id.
 * A recipe's cap of the client's arrival rate (`req_rate`) is not simulated: in a closed loop it only spreads the first burst.
 */

import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { UserError } from '../errors.js'
import type { Precision } from '../models/model.js'
import { type CsvTable, demandColumns, numberIn, readCsv, wholeIn } from './csvTable.js'

/** Limits and cut of one role; null = the recipe does not say. */
export interface RoleSettings {
  readonly dp: number | null
  readonly tp: number | null
  readonly ep: number | null
  /** Sequences and tokens of a step of one rank. */
  readonly maxBatchPerRank: number | null
  readonly maxTokensPerRank: number | null
  /** TensorRT-LLM: share of the memory free after weights; SGLang, vLLM: share of the whole GPU, weights included. */
  readonly kvFraction: number | null
  /** Cap of the KV pool of one rank, tokens. */
  readonly maxTotalTokens: number | null
  readonly moeBackend: string
}

export interface RecipeSettings {
  readonly prefill: RoleSettings
  readonly decode: RoleSettings
  readonly draftTokens: number | null
  /** fp8 | bf16, '' = not said. */
  readonly kvDtype: string
}

export const SETTINGS_FILE = 'recipe-settings.csv'
const NEEDED = ['id', 'decode_max_batch_per_rank', 'decode_attention_dp', 'decode_attention_tp', 'decode_ep', 'mtp_n'] as const

export type SettingsById = ReadonlyMap<string, RecipeSettings>

export function settingsById(table: CsvTable): SettingsById {
  demandColumns(table, NEEDED)
  const all = new Map<string, RecipeSettings>()
  for (const record of table.records) {
    const { field } = record
    const whole = (column: string): number | null => wholeIn(table, record, column)
    const role = (name: 'prefill' | 'decode', tokens: string): RoleSettings => ({
      dp: whole(`${name}_attention_dp`),
      tp: whole(`${name}_attention_tp`),
      ep: whole(`${name}_ep`),
      maxBatchPerRank: whole(`${name}_max_batch_per_rank`),
      maxTokensPerRank: whole(tokens),
      kvFraction: numberIn(table, record, `${name}_kv_fraction`),
      maxTotalTokens: whole(`${name}_max_total_tokens`),
      moeBackend: field(`${name}_moe_backend`).toLowerCase(),
    })
    const id = field('id')
    if (all.has(id)) {
      throw new UserError({
        where: `${table.file}:${record.line}`,
        message: `the settings of ${id} stand twice`,
        hint: 'keep one row for each id',
      })
    }
    all.set(id, {
      prefill: role('prefill', 'prefill_max_num_tokens_per_rank'),
      decode: role('decode', 'decode_max_num_tokens'),
      draftTokens: whole('mtp_n'),
      kvDtype: field('kv_dtype').toLowerCase(),
    })
  }
  return all
}

/**
 * Type of the KV cache. A recipe of SGLang that is silent leaves its default, the type that the checkpoint names: FP8 in NVFP4 checkpoints,
 * none in FP8 ones, whose cache is then of the activations' type. Elsewhere silence means FP8, as in every published recipe.
 */
export function kvPrecisionOf(backend: string, precision: Precision, settings: RecipeSettings | undefined): 'fp8' | 'bf16' {
  if (settings?.kvDtype === '' && backend === 'sglang' && precision === 'fp8') return 'bf16'
  return /bf16|bfloat16/.test(settings?.kvDtype ?? '') ? 'bf16' : 'fp8'
}

/** The settings file: the one named, else `recipe-settings.csv` beside the rows, else none. */
export function findSettings(rowsPath: string, named: string | undefined): string | null {
  if (named !== undefined) return named
  const beside = join(dirname(rowsPath), SETTINGS_FILE)
  return existsSync(beside) ? beside : null
}

export const readSettings = (path: string | null): SettingsById => (path === null ? new Map() : settingsById(readCsv(path)))

/** What the shipped tables must price: every layout of the shipped models that the measured rows cover. */
import { UserError } from '../../errors.js'
import { loadModel } from '../../models/load.js'
import type { ModelSpec, Parallelism } from '../../models/model.js'
import { type KvPrecision, type Operator, operatorsOf } from '../../models/operators.js'
import { sliceKey, type TabledOperator } from '../keys.js'

/** Models whose layouts are made in advance. */
const MODELS = ['llama-3.1-70b', 'deepseek-r1', 'gpt-oss-120b']
const TP = [1, 2, 4, 8, 16]
const GROUPS = [1, 2, 4, 8, 16, 32, 64]
const KV: readonly KvPrecision[] = ['fp8', 'bf16']

/** Dense: tp. MoE: tp x dp up to 64 GPUs, experts whole (EP), or sharded within an engine without attention data parallelism. */
export function layoutsOf(model: ModelSpec): Parallelism[] {
  const layouts: Parallelism[] = []
  for (const tp of TP) {
    if (model.ffn.kind === 'dense') {
      if (tp <= 8) layouts.push({ tp, pp: 1, dp: 1, cp: 1, moeTp: 1, moeEp: 1 })
      continue
    }
    for (const dp of GROUPS) {
      const gpus = tp * dp
      if (gpus > 64) continue
      for (const moeTp of dp === 1 ? TP : [1])
        if (gpus % moeTp === 0) layouts.push({ tp, pp: 1, dp, cp: 1, moeTp, moeEp: gpus / moeTp })
    }
  }
  return layouts
}

/** Operators with distinct slices, in the order of their keys. */
export function neededOperators(): TabledOperator[] {
  const needed = new Map<string, TabledOperator>()
  for (const name of MODELS) {
    const model = loadModel(name)
    for (const parallelism of layoutsOf(model)) {
      for (const { precision } of model.precisions) {
        for (const kvPrecision of KV) {
          for (const operator of operatorsIfPossible(model, parallelism, precision, kvPrecision)) {
            if (operator.kind === 'elementwise') continue
            const key = sliceKey(operator)
            if (!needed.has(key)) needed.set(key, operator)
          }
        }
      }
    }
  }
  return [...needed].sort((a, b) => (a[0] < b[0] ? -1 : 1)).map(([, operator]) => operator)
}

function operatorsIfPossible(
  model: ModelSpec,
  parallelism: Parallelism,
  precision: ModelSpec['precisions'][number]['precision'],
  kvPrecision: KvPrecision,
): Operator[] {
  try {
    return operatorsOf({ model, parallelism, precision, kvPrecision })
  } catch (error) {
    if (error instanceof UserError) return []
    throw error
  }
}

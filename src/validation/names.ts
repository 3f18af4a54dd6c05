/** Names of measured rows in ours: systems, models, weight formats. */

import { SYSTEM_NAMES } from '../hardware/load.js'
import { loadModel, MODEL_NAMES } from '../models/load.js'
import type { Precision } from '../models/model.js'

/** Row names (lower case) of shipped models; patterns, because checkpoints carry dates and weight formats. */
const MODELS: readonly (readonly [RegExp, string])[] = [
  [/^deepseek-(r1|v3|v3\.1)\b/, 'deepseek-r1'],
  [/^kimi-k2/, 'kimi-k2.5'],
  [/^glm-5/, 'glm-5'],
  [/^gpt-oss-120b/, 'gpt-oss-120b'],
  [/^(meta-)?llama-3(\.x|\.1|\.3)?-70b/, 'llama-3.1-70b'],
  [/^qwen3-235b/, 'qwen3-235b'],
]

/** The shipped model of a row, or why there is none. */
export function modelOf(name: string): { readonly name: string } | { readonly reason: string } {
  const known: readonly string[] = MODEL_NAMES
  const found = MODELS.find(([pattern]) => pattern.test(name.toLowerCase()))?.[1]
  if (found !== undefined && known.includes(found)) return { name: found }
  return { reason: `there is no model file for ${name || 'a row without a model name'}` }
}

/** The shipped system of a row: a suffix such as _sxm is dropped. */
export function systemOf(name: string): { readonly name: string } | { readonly reason: string } {
  const known: readonly string[] = SYSTEM_NAMES
  const plain = name.replace(/[_-](sxm|nvl72)$/, '')
  if (known.includes(plain)) return { name: plain }
  return { reason: `there are no kernel times of the system ${name || '(blank)'}` }
}

/** Weight format: fp4 stands for NVFP4, and for MXFP4 in a model that has no NVFP4 checkpoint; a model with one format has that. */
export function precisionOf(model: string, label: string): { readonly precision: Precision } | { readonly reason: string } {
  const { precisions } = loadModel(model)
  const wanted: readonly string[] = label === 'fp4' ? ['nvfp4', 'mxfp4'] : [label]
  const found = precisions.find(({ precision }) => wanted.includes(precision))
  if (found) return { precision: found.precision }
  if (precisions.length === 1) return { precision: precisions[0].precision }
  return { reason: `${model} has no ${label || 'unnamed'} weights` }
}

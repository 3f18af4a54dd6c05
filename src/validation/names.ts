/** Names of measured rows in ours: systems, models, weight formats. */

import { SYSTEM_NAMES } from '../hardware/load.js'
import { loadModel, MODEL_NAMES } from '../models/load.js'
import type { Precision } from '../models/model.js'

/**
 * What may follow the name of an architecture: a training of it, a date, a weight format and its revision. Anything else is another
 * model, however alike the beginning: V3.2 attends sparsely, distillates are of other sizes.
 */
const TAIL =
  /^(-(base|zero|chat|instruct|thinking|terminus))?(-\d{4})?(-preview)?(-(nvfp4|mxfp4|fp4|fp8|bf16)(-(v\d+|dynamic|kv))?)?(-\d{4})?$/

/** Beginnings of row names (lower case) of shipped models. */
const MODELS: readonly (readonly [RegExp, string])[] = [
  [/^deepseek-(r1|v3(\.1)?)/, 'deepseek-r1'],
  [/^kimi-k2(\.5)?/, 'kimi-k2.5'],
  [/^glm-5/, 'glm-5'],
  [/^gpt-oss-120b/, 'gpt-oss-120b'],
  [/^(meta-)?llama-3(\.x|\.1|\.3)?-70b/, 'llama-3.1-70b'],
  [/^qwen3-235b(-a22b)?/, 'qwen3-235b'],
]

const isNamed = (name: string, pattern: RegExp): boolean => pattern.test(name) && TAIL.test(name.replace(pattern, ''))

/** The shipped model of a row, or why there is none. */
export function modelOf(name: string): { readonly name: string } | { readonly reason: string } {
  const known: readonly string[] = MODEL_NAMES
  const found = MODELS.find(([pattern]) => isNamed(name.toLowerCase(), pattern))?.[1]
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

/**
 * Weight format: fp4 stands for NVFP4, and for MXFP4 in a model that has no NVFP4 checkpoint; a row that names none has that of a model
 * with one format.
 */
export function precisionOf(model: string, label: string): { readonly precision: Precision } | { readonly reason: string } {
  const { precisions } = loadModel(model)
  const wanted: readonly string[] = label === 'fp4' ? ['nvfp4', 'mxfp4'] : [label]
  const found = precisions.find(({ precision }) => wanted.includes(precision))
  if (found) return { precision: found.precision }
  if (label === '' && precisions.length === 1) return { precision: precisions[0].precision }
  const known = precisions.map(({ precision }) => precision).join(', ')
  return { reason: `${model} has no ${label || 'unnamed'} weights, only ${known}` }
}

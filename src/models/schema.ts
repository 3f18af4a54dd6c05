/** Shape of a model file. Strict: a misspelt key is an error, and so are numbers that cannot stand beside one another. */
import * as z from 'zod'
import type { ModelSpec } from './model.js'

const count = z.int().min(1).max(1e9)
const countOrZero = z.int().min(0).max(1e9)
const precision = z.enum(['nvfp4', 'fp8', 'mxfp4', 'bf16'])

const gqa = z.strictObject({
  kind: z.literal('gqa'),
  heads: count,
  kvHeads: count,
  headDim: count,
  windowedLayers: countOrZero,
  window: countOrZero,
})
const mla = z.strictObject({
  kind: z.literal('mla'),
  heads: count,
  qRank: count,
  kvRank: count,
  rope: count,
  nope: count,
  value: count,
  sparseIndexer: z.strictObject({ heads: count, dim: count, topk: count }).optional(),
})
const dense = z.strictObject({ kind: z.literal('dense'), inner: count })
const moe = z.strictObject({
  kind: z.literal('moe'),
  denseLayers: countOrZero,
  denseInner: countOrZero,
  experts: count,
  topk: count,
  inner: count,
  sharedExperts: countOrZero,
})

/** What is wrong with numbers that are each in range, with the path of the one at fault. */
interface Misfit {
  readonly path: readonly [string, string]
  readonly message: string
  readonly hint: string
}

function attentionMisfits({ attention, layers }: ModelSpec): Misfit[] {
  if (attention.kind !== 'gqa') return []
  const { heads, kvHeads, windowedLayers, window } = attention
  const misfits: Misfit[] = []
  if (heads % kvHeads !== 0)
    misfits.push({
      path: ['attention', 'kvHeads'],
      message: `${heads} heads cannot share ${kvHeads} key and value heads evenly`,
      hint: 'give a divisor of attention.heads',
    })
  if (windowedLayers > layers)
    misfits.push({
      path: ['attention', 'windowedLayers'],
      message: `${windowedLayers} layers have a window, of ${layers} in all`,
      hint: `give at most ${layers}, or more layers`,
    })
  if (windowedLayers > 0 && window === 0)
    misfits.push({
      path: ['attention', 'window'],
      message: `${windowedLayers} layers have a window of no tokens`,
      hint: 'give its tokens, or set attention.windowedLayers to 0',
    })
  return misfits
}

function ffnMisfits({ ffn, layers }: ModelSpec): Misfit[] {
  if (ffn.kind !== 'moe') return []
  const { denseLayers, denseInner, experts, topk } = ffn
  const misfits: Misfit[] = []
  if (denseLayers >= layers)
    misfits.push({
      path: ['ffn', 'denseLayers'],
      message: `${denseLayers} dense layers of ${layers} in all leave none with experts`,
      hint: `give at most ${layers - 1}, or set ffn.kind to dense`,
    })
  if (denseLayers > 0 && denseInner === 0)
    misfits.push({
      path: ['ffn', 'denseInner'],
      message: `${denseLayers} dense layers are 0 wide`,
      hint: 'give their inner size, or set ffn.denseLayers to 0',
    })
  if (topk > experts)
    misfits.push({
      path: ['ffn', 'topk'],
      message: `a token goes to ${topk} experts, of ${experts} in all`,
      hint: `give at most ${experts}, or more experts`,
    })
  return misfits
}

const shape: z.ZodType<ModelSpec> = z.strictObject({
  name: z.string().min(1),
  title: z.string().min(1),
  source: z.string().min(1),
  layers: count,
  draftLayers: count.optional(),
  hidden: count,
  vocabulary: count,
  maxContext: count,
  attention: z.discriminatedUnion('kind', [gqa, mla]),
  ffn: z.discriminatedUnion('kind', [dense, moe]),
  precisions: z.array(z.strictObject({ precision, attention: precision, note: z.string() })).min(1),
  routing: z.enum(['balanced', 'power_law_1.01', 'power_law_1.2']),
})

export const modelSchema: z.ZodType<ModelSpec> = shape.superRefine((model, context) => {
  for (const { path, message, hint } of [...attentionMisfits(model), ...ffnMisfits(model)])
    context.addIssue({ code: 'custom', path: [...path], message, params: { hint } })
})

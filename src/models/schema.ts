/** Shape of a model file. Strict: a misspelt key is an error. */
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

export const modelSchema: z.ZodType<ModelSpec> = z.strictObject({
  name: z.string().min(1),
  title: z.string().min(1),
  source: z.string().min(1),
  layers: count,
  hidden: count,
  vocabulary: count,
  maxContext: count,
  attention: z.discriminatedUnion('kind', [gqa, mla]),
  ffn: z.discriminatedUnion('kind', [dense, moe]),
  precisions: z.array(z.strictObject({ precision, attention: precision, note: z.string() })).min(1),
  routing: z.enum(['balanced', 'power_law_1.01', 'power_law_1.2']),
})

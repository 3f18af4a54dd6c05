/** The true cut of an engine: the recipe's, else the row's columns, else one rule for each backend. */
import type { EngineRole, Parallelism } from '../models/model.js'
import type { ShapeColumns } from './servingRow.js'

export interface EngineShape {
  readonly parallelism: Parallelism
  /** Where it comes from. */
  readonly basis: 'recipe' | 'columns' | 'rule'
}

interface Cut {
  readonly tp: number | null
  readonly dp: number | null
  readonly ep: number | null
}

export interface ShapeRequest {
  readonly backend: string
  readonly role: EngineRole
  readonly gpus: number
  readonly columns: Pick<ShapeColumns, 'tp' | 'dp' | 'ep'>
  readonly recipe: Cut | null
  readonly experts: boolean
  /** The expert kernels of the model exist for whole experts only. */
  readonly wholeExperts: boolean
}

/** What is assumed of an engine of which only the number of GPUs is known. Printed with the results. */
export const TOPOLOGY_RULES: Readonly<Record<string, string>> = {
  trtllm: 'prefill and decode engines of more than 8 GPUs: DEP; decode engines of up to 8 GPUs: TP with whole experts (TEP)',
  sglang: 'engines of up to 8 GPUs: TP with every expert cut over the GPUs; larger ones: DEP',
  vllm: 'prefill engines and decode engines of more than 8 GPUs: DEP; other engines of up to 8 GPUs: TP with whole experts (TEP)',
}

const LARGEST_TP = 8

function byRule({ backend, role, gpus }: ShapeRequest): Cut {
  const dep = gpus > LARGEST_TP || (role === 'prefill' && backend !== 'sglang')
  if (dep) return { tp: 1, dp: gpus, ep: gpus }
  return { tp: gpus, dp: 1, ep: backend === 'sglang' ? 1 : gpus }
}

/** Experts with attention DP are spread over the engine, whatever an EP label of 1 says: SGLang and vLLM set it by a flag. */
function expertDegree(request: ShapeRequest, { dp, ep }: Cut): number {
  const { backend, gpus, wholeExperts } = request
  if (wholeExperts) return gpus
  if (ep !== null && ep > 1) return ep
  if (backend !== 'trtllm') return (dp ?? 1) > 1 ? gpus : 1
  return ep ?? gpus
}

function parallelismOf(request: ShapeRequest, cut: Cut): Parallelism | null {
  const { gpus, experts } = request
  if (cut.tp === null || cut.dp === null || cut.tp * cut.dp !== gpus) return null
  const one = { pp: 1, cp: 1, tp: cut.tp, dp: cut.dp }
  if (!experts) return cut.dp === 1 ? { ...one, moeTp: 1, moeEp: 1 } : null
  const moeEp = expertDegree(request, cut)
  return gpus % moeEp === 0 ? { ...one, moeTp: gpus / moeEp, moeEp } : null
}

/** The first of recipe, columns and rule that fits the GPUs of the engine; null when none does. */
export function shapeOf(request: ShapeRequest): EngineShape | null {
  const sources = [
    ['recipe', request.recipe],
    ['columns', request.columns],
    ['rule', byRule(request)],
  ] as const
  for (const [basis, cut] of sources) {
    const parallelism = cut === null ? null : parallelismOf(request, cut)
    if (parallelism !== null) return { parallelism, basis }
  }
  return null
}

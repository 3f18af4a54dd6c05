/** What can be simulated: model x system x precision x layout, and what the price of a step of each stands on. */
import { UserError } from '../errors.js'
import { loadSystem } from '../hardware/load.js'
import { loadModel } from '../models/load.js'
import { memoryBudget } from '../models/memory.js'
import type { ModelSpec, Precision } from '../models/model.js'
import { type Evidence, evidenceOf, PLAIN_TIMING, weakestEvidence } from '../timing/index.js'
import { ENGINE_DEFAULTS } from './engine.js'
import { cutProblems } from './engineRules.js'
import { gpusOf, layoutName, parseLayout } from './layout.js'

/** Layouts that are asked about; EP sizes between measured ones are among them. */
const DENSE_LAYOUTS = ['TP1', 'TP2', 'TP4', 'TP8']
const EXPERT_LAYOUTS = [...DENSE_LAYOUTS, 'DTP4', 'DTP8', ...[2, 4, 8, 16, 24, 32, 48, 64].map((gpus) => `DEP${gpus}`)]

/** The step that is judged: sequences of a rank (4096 KV tokens each) and, in prefill, a prompt of this many tokens. */
const SEQUENCES = 64
const PROMPT_TOKENS = 8192

export type EvidenceShares = Readonly<Record<Evidence, number>>

export interface SupportRow {
  readonly system: string
  readonly model: string
  readonly precision: Precision
  readonly layout: string
  readonly gpus: number
  /** KV tokens that a rank holds beside the weights; 0 when it is refused. */
  readonly kvTokens: number
  /** Weakest kind of evidence that carries a tenth or more of a decode or a prefill step; null when it is refused. */
  readonly evidence: Evidence | null
  /** Share of the step's time on each kind of evidence, host time left out; null when it is refused. */
  readonly decode: EvidenceShares | null
  readonly prefill: EvidenceShares | null
  /** Why it cannot be simulated. */
  readonly refused: string | null
}

export interface SupportRequest {
  /** Shipped names or paths. */
  readonly systems: readonly string[]
  readonly models: readonly string[]
}

/** Rows in the order system, model, precision, layout. A layout larger than the system's NVLink domain is left out. */
export function supportRows({ systems, models }: SupportRequest): SupportRow[] {
  return systems.flatMap((system) =>
    models.flatMap((name) => {
      const model = loadModel(name)
      const layouts = model.ffn.kind === 'moe' ? EXPERT_LAYOUTS : DENSE_LAYOUTS
      const domain = loadSystem(system).nvlinkDomainGpus.value
      return model.precisions.flatMap(({ precision }) =>
        layouts.flatMap((layout) => {
          const row = rowOf(system, model, precision, layout)
          return row.gpus <= domain ? [row] : []
        }),
      )
    }),
  )
}

function rowOf(systemName: string, model: ModelSpec, precision: Precision, text: string): SupportRow {
  const system = loadSystem(systemName)
  const experts = model.ffn.kind === 'moe'
  const cut = parseLayout(text, experts)
  if (typeof cut === 'string') throw new Error(`layout ${text}: ${cut}`)
  const common = { system: system.name, model: model.name, precision, layout: layoutName(cut, experts), gpus: gpusOf(cut) }
  const refusal = (refused: string): SupportRow => ({
    ...common,
    kvTokens: 0,
    evidence: null,
    decode: null,
    prefill: null,
    refused,
  })
  const [problem] = cutProblems([], { layout: text }, cut, model)
  if (problem) return refusal(problem.message.replace(/^layout: /, ''))
  const { kvTokens } = memoryBudget({
    model,
    parallelism: cut,
    precision,
    kvPrecision: 'fp8',
    hbmBytes: system.hbmBytes.value,
    maxNumBatchedTokens: PROMPT_TOKENS,
    kvMemoryFraction: ENGINE_DEFAULTS.kvMemoryFraction,
  })
  if (kvTokens < PROMPT_TOKENS) return refusal(`the weights leave no room for the KV of ${PROMPT_TOKENS} tokens`)
  const request = {
    ...PLAIN_TIMING,
    system,
    model,
    precision,
    kvPrecision: 'fp8' as const,
    parallelism: cut,
    maxNumSeqs: SEQUENCES,
    maxNumBatchedTokens: PROMPT_TOKENS,
    maxModelLen: Math.min(model.maxContext, ENGINE_DEFAULTS.maxModelLen),
  }
  try {
    const decode = evidenceOf({ ...request, role: 'decode' })
    const prefill = evidenceOf({ ...request, role: 'prefill' })
    return { ...common, kvTokens, evidence: weakestEvidence([decode, prefill]), decode, prefill, refused: null }
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    return refusal(error.faults[0].message)
  }
}

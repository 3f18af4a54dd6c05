/** Cross-field rules of one engine: what is built, what divides, what fits. */
import { RUNTIME_BYTES } from '../models/memory.js'
import type { ModelSpec, Parallelism } from '../models/model.js'
import { type Problem, showPath } from '../yaml/issues.js'
import type { Path } from '../yaml/text.js'
import { blocksByFraction, type EngineContext } from './engine.js'
import { LAYOUTS, MOST_GPUS } from './layout.js'
import type { EnginePlan } from './plan.js'
import type { EngineInput } from './schema.js'

const CUT_KEYS = ['tp', 'pp', 'dp', 'cp', 'moe_tp', 'moe_ep'] as const
const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`

/** Builds a problem of key `key` of the engine at `path`. */
const fault = (path: Path, key: string, message: string, hint: string): Problem => ({
  path: [...path, key],
  message: `${showPath([...path, key])}: ${message}`,
  hint,
})

/** Values the simulator does not serve yet, and keys without effect: refused, never ignored. */
export function inputProblems(path: Path, input: EngineInput): Problem[] {
  const problems: Problem[] = []
  const only = (key: keyof EngineInput, given: boolean, message: string, hint: string) => {
    if (given) problems.push(fault(path, key, message, hint))
  }
  const { pp, cp, mtp } = input
  only(
    'pp',
    pp !== undefined && pp !== 1,
    `only 1 is built so far (no pipeline parallelism), got ${pp}`,
    'raise tp, or dp with experts, instead',
  )
  only('cp', cp !== undefined && cp !== 1, `only 1 is built so far (no context parallelism), got ${cp}`, 'raise tp instead')
  only(
    'mtp',
    input.role === 'prefill' && mtp !== undefined,
    'has no effect on a prefill engine, which decodes nothing',
    'remove it, or give it to the decode engines',
  )
  const { kv_offload: offload, may_switch: maySwitch } = input
  const isEither = input.role === 'prefill' || input.role === 'decode'
  only('may_switch', maySwitch === true && !isEither, 'an engine that serves both phases has no role to change', 'remove it')
  only(
    'may_switch',
    maySwitch === true && isEither && (mtp !== undefined || offload !== undefined),
    `${mtp !== undefined ? 'mtp' : 'kv_offload'} has a use in one role alone, so an engine that has it keeps its role`,
    `remove may_switch or ${mtp !== undefined ? 'mtp' : 'kv_offload'}`,
  )
  only(
    'kv_offload',
    offload !== undefined && input.enable_prefix_caching !== true,
    'has no effect without a prefix cache, whose evicted blocks it takes in',
    'set enable_prefix_caching: true, or remove it',
  )
  only(
    'kv_offload',
    offload !== undefined && input.role === 'decode',
    'has no effect on a decode engine, whose prompts come by transfer',
    'give it to the prefill engines',
  )
  const unused = typeof mtp === 'object' && mtp.n === 0 && mtp.acceptance !== undefined
  only('mtp', unused, 'acceptance has no effect where nothing is drafted (n 0)', 'remove acceptance, or draft at least 1 token')
  const cuts = CUT_KEYS.filter((key) => input[key] !== undefined)
  only(
    'layout',
    input.layout !== undefined && cuts.length > 0,
    `layout and ${cuts.join(', ')} say the same thing twice`,
    'keep the layout or the degrees',
  )
  const both = input.kv_memory_fraction !== undefined && input.num_gpu_blocks !== undefined
  only('kv_memory_fraction', both, 'has no effect beside num_gpu_blocks', 'keep one of the two')
  return problems
}

/** Ways that a model can be cut by tensor parallelism: heads evenly, whole KV heads or whole copies of them, a dense block evenly. */
function tpsOf({ attention, ffn }: ModelSpec): number[] {
  const { kvHeads } = attention.kind === 'gqa' ? attention : { kvHeads: 1 }
  const fits = (tp: number): boolean =>
    attention.heads % tp === 0 && (kvHeads % tp === 0 || tp % kvHeads === 0) && (ffn.kind === 'moe' || ffn.inner % tp === 0)
  return Array.from({ length: MOST_GPUS }, (_, i) => i + 1).filter(fits)
}

/** `cut` as read from the entry, or the sentence that says why it could not be. */
export function cutProblems(path: Path, input: EngineInput, cut: Parallelism | string, model: ModelSpec): Problem[] {
  if (typeof cut === 'string') return [fault(path, 'layout', cut, `layouts are ${LAYOUTS.join(', ')}`)]
  const problems: Problem[] = []
  const key = (name: string): string => (input.layout !== undefined ? 'layout' : name)
  const add = (name: string, message: string, hint: string) => problems.push(fault(path, key(name), message, hint))
  const { heads } = model.attention
  const { kvHeads } = model.attention.kind === 'gqa' ? model.attention : { kvHeads: 1 }
  const tpHint = `tp may be ${tpsOf(model).join(', ')}`
  if (heads % cut.tp !== 0) add('tp', `${heads} attention heads cannot be divided by ${cut.tp}`, tpHint)
  else if (kvHeads % cut.tp !== 0 && cut.tp % kvHeads !== 0)
    add('tp', `${kvHeads} KV heads and tp ${cut.tp} do not divide each other`, tpHint)
  if (model.ffn.kind === 'dense') {
    if (cut.moeTp > 1 || cut.moeEp > 1)
      add(cut.moeEp > 1 ? 'moe_ep' : 'moe_tp', `${model.name} has no experts`, 'remove moe_tp and moe_ep')
    if (cut.dp > 1)
      add(
        'dp',
        `attention DP shares experts, and ${model.name} has none`,
        'set dp to 1 and raise count: such ranks are engines of their own',
      )
    if (heads % cut.tp === 0 && model.ffn.inner % cut.tp !== 0)
      add('tp', `the inner size ${model.ffn.inner} cannot be divided by ${cut.tp}`, tpHint)
    return problems
  }
  const width = cut.tp * cut.dp * cut.cp
  if (width !== cut.moeTp * cut.moeEp) {
    const message = `tp x dp x cp = ${width} GPUs hold the attention but moe_tp x moe_ep = ${cut.moeTp * cut.moeEp} hold the experts`
    add(input.moe_ep !== undefined ? 'moe_ep' : 'moe_tp', message, `make both ${width}, or remove moe_tp and moe_ep`)
  }
  // an uneven share is filled up with copies of busy experts
  if (cut.moeEp > model.ffn.experts)
    add('moe_ep', `${cut.moeEp} GPUs are more than the ${model.ffn.experts} experts`, `use at most ${model.ffn.experts}`)
  if (model.ffn.inner % cut.moeTp !== 0)
    add('moe_tp', `the expert size ${model.ffn.inner} cannot be divided by ${cut.moeTp}`, 'use a divisor of it')
  return problems
}

export function limitProblems(path: Path, input: EngineInput, engine: EnginePlan, context: EngineContext): Problem[] {
  const problems: Problem[] = []
  const add = (key: string, message: string, hint: string) => problems.push(fault(path, key, message, hint))
  const { model } = context
  if (engine.maxModelLen > model.maxContext) {
    add(
      'max_model_len',
      `${engine.maxModelLen} tokens are more than the context of ${model.name}, ${model.maxContext}`,
      `use at most ${model.maxContext}`,
    )
  }
  const each = 1 + (engine.mtp?.n ?? 0)
  if ((engine.role !== 'prefill' || engine.maySwitch) && engine.maxNumSeqs * each > engine.maxNumBatchedTokens) {
    const what = each === 1 ? 'decode one token each' : `verify ${each} tokens each`
    const message = `${engine.maxNumSeqs} sequences ${what}, more than max_num_batched_tokens ${engine.maxNumBatchedTokens}`
    add('max_num_seqs', message, `lower it to ${Math.floor(engine.maxNumBatchedTokens / each)}, or raise max_num_batched_tokens`)
  }
  return [...problems, ...memoryProblems(path, input, engine, context)]
}

function memoryProblems(path: Path, input: EngineInput, engine: EnginePlan, context: EngineContext): Problem[] {
  const { system, model, precision } = context
  const sizeKey = input.layout !== undefined ? 'layout' : 'tp'
  const hbm = system.hbmBytes.value
  const fixed = engine.weightBytes + engine.activationBytes + RUNTIME_BYTES
  if (fixed >= hbm) {
    const parts = `weights ${gib(engine.weightBytes)} + activations ${gib(engine.activationBytes)} + runtime ${gib(RUNTIME_BYTES)} per GPU`
    const hint = `use more GPUs per engine${model.ffn.kind === 'moe' ? ' (for example layout: DEP16)' : ''} or a smaller precision than ${precision}`
    return [
      fault(
        path,
        sizeKey,
        `${model.name} in ${precision} as ${engine.layout} does not fit: ${parts} exceed ${gib(hbm)} of HBM`,
        hint,
      ),
    ]
  }
  const most = blocksByFraction(engine, context, 1)
  if (input.num_gpu_blocks !== undefined && engine.numGpuBlocks > most) {
    return [
      fault(
        path,
        'num_gpu_blocks',
        `${engine.numGpuBlocks} blocks of ${engine.blockSize} tokens do not fit into HBM`,
        `use at most ${most}`,
      ),
    ]
  }
  const tokens = engine.numGpuBlocks * engine.blockSize
  // a sequence that drafts needs room for the drafts of this step and of the next
  const drafts = 2 * (engine.mtp?.n ?? 0)
  if (tokens >= engine.maxModelLen + drafts) return []
  const key =
    input.num_gpu_blocks !== undefined
      ? 'num_gpu_blocks'
      : input.kv_memory_fraction !== undefined
        ? 'kv_memory_fraction'
        : 'max_model_len'
  const message = `the KV cache of a rank holds ${engine.numGpuBlocks} blocks = ${tokens} tokens, fewer than one request of max_model_len ${engine.maxModelLen}${drafts > 0 ? ` and ${drafts} tokens of speculation` : ''}`
  const hint =
    tokens >= 2
      ? `set max_model_len to at most ${Math.max(2, tokens - drafts)}, or give the KV cache more memory`
      : 'give the KV cache more memory, or use more GPUs per engine'
  return [fault(path, key, message, hint)]
}

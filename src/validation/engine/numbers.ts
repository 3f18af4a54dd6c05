/**
 * The few numbers that describe one serving machine (a GPU and the model it has loaded) and the engine they make. The cost of a step
 * is linear: `step + token x (decoding sequences + chunk tokens) + kv_token x (KV tokens read by decode attention)`.
 */
import { createArm } from '../../levers/index.js'
import type { Arm } from '../../levers/lever.js'
import type { SplitMachine } from '../../levers/split/machine.js'
import { PLAIN_CLUSTER, PLAIN_ENGINE } from '../../simulator/config.js'
import type { ClusterConfig } from '../../simulator/index.js'
import type { StepTables } from '../../timing/stepTimer.js'
import { NS_PER_MS, NS_PER_US, PS_PER_NS, PS_PER_US } from '../../units.js'

/** Fitted, at most five: the last one is either a batch limit or a KV capacity, whichever explains the admissions better. */
export interface MachineNumbers {
  /** Every step: host work and one read of the weights, ms. */
  readonly stepMs: number
  /** Each token of a step, decoded or prefilled, us. */
  readonly tokenUs: number
  /** Each KV token that decode attention reads, ns. */
  readonly kvTokenNs: number
  /** From the moment the engine takes a request in until its scheduler can place it, in decode steps (steps are scheduled ahead). */
  readonly leadSteps: number
  readonly limit: Limit
}

/** What stops admissions: `sequences` in the batch (max_num_seqs) or `kv` tokens of memory. */
export interface Limit {
  readonly kind: 'sequences' | 'kv'
  readonly value: number
}

/** vLLM's defaults for a GPU of this class, not fitted: chunked prefill with this token budget, blocks of 16 tokens, at most 256 sequences. */
export const MAX_NUM_BATCHED_TOKENS = 2048
const BLOCK_SIZE = 16
export const DEFAULT_MAX_NUM_SEQS = 256

/** One slot that streams all bytes: the split factor of any batch is its bytes over the bytes of the mean, so 1 within 0.1 %. */
const UNSPLIT: SplitMachine = {
  slots: 1,
  bandwidth: 1000,
  ctaBandwidth: 1000,
  ctaOverheadNs: 0,
  headGroups: 1,
  bytesPerToken: 4096,
  tileTokens: 1,
  partialBytes: 0,
  mergeFixedNs: 0,
  launchNs: 0,
}

/** vLLM's scheduler on one rank: decode first, then prefill in order of arrival up to the token budget. */
export const machineArm = (): Arm =>
  createArm({
    name: 'vllm',
    split: 'fixed-count(1)',
    chunk: `fixed-budget(${MAX_NUM_BATCHED_TOKENS})`,
    rank: 'round-robin',
    span: 'one',
    pool: 'round-robin',
  })

/** Duration of a step in which `sequences` sequences with `kvTokens` KV tokens in all decode, ns. */
export const decodeStepNs = (numbers: MachineNumbers, sequences: number, kvTokens: number): number =>
  numbers.stepMs * NS_PER_MS + numbers.tokenUs * NS_PER_US * sequences + numbers.kvTokenNs * kvTokens

/** An engine of one rank; `maxLength` = the longest request of the run, input and output tokens together. */
export function machineConfig(numbers: MachineNumbers, maxLength: number): ClusterConfig {
  const maxNumSeqs = numbers.limit.kind === 'sequences' ? numbers.limit.value : DEFAULT_MAX_NUM_SEQS
  const blocksOfOne = Math.ceil(maxLength / BLOCK_SIZE)
  const engine = {
    ...PLAIN_ENGINE,
    name: 'machine',
    ranks: 1,
    gpus: 1,
    maxNumSeqs,
    maxNumBatchedTokens: MAX_NUM_BATCHED_TOKENS,
    maxModelLen: blocksOfOne * BLOCK_SIZE,
    blockSize: BLOCK_SIZE,
    numGpuBlocks:
      numbers.limit.kind === 'kv'
        ? Math.max(blocksOfOne, Math.floor(numbers.limit.value / BLOCK_SIZE))
        : blocksOfOne * maxNumSeqs,
    tables: machineTables(numbers, maxNumSeqs, maxLength),
    machine: UNSPLIT,
  }
  return { ...PLAIN_CLUSTER, engines: [engine] }
}

/** Linear costs as step tables. Prefill attention is left to the cost of a token: prompts of these runs are short. */
function machineTables(numbers: MachineNumbers, maxSequences: number, maxLength: number): StepTables {
  const zeros = (count: number) => new Float64Array(count)
  const kvTokenPs = numbers.kvTokenNs * PS_PER_NS
  const kernelColumns = Math.floor(Math.log2(maxLength)) + 1
  const kernelBasePs = zeros((maxSequences + 1) * kernelColumns)
  for (let n = 1; n <= maxSequences; n++)
    for (let column = 0; column < kernelColumns; column++) kernelBasePs[n * kernelColumns + column] = kvTokenPs * n * 2 ** column
  return {
    ranks: 1,
    maxTokens: MAX_NUM_BATCHED_TOKENS,
    maxSequences,
    maxLength,
    hostPs: Math.round(numbers.stepMs * NS_PER_MS * PS_PER_NS),
    localPs: Float64Array.from({ length: MAX_NUM_BATCHED_TOKENS + 1 }, (_, tokens) =>
      Math.round(numbers.tokenUs * PS_PER_US * tokens),
    ),
    headPs: zeros(maxSequences + 1),
    decodeRowsPs: zeros(maxSequences + 1),
    sharedPs: zeros(MAX_NUM_BATCHED_TOKENS + 1),
    exchangePs: zeros(MAX_NUM_BATCHED_TOKENS + 1),
    kernelColumns,
    kernelBasePs,
    kernelSlopePs: new Float64Array(kernelBasePs.length).fill(kvTokenPs),
    prefillChunkKnots: Float64Array.of(0, MAX_NUM_BATCHED_TOKENS),
    prefillPrefixKnots: Float64Array.of(0, maxLength),
    prefillPs: zeros(4),
  }
}

/** What remains without queues: every request meets the mean batch, in closed form. Shown beside the replay to say what queues explain. */

import { NS_PER_MS, NS_PER_US } from '../../units.js'
import { DEFAULT_MAX_NUM_SEQS, decodeStepNs, type MachineNumbers } from './numbers.js'
import type { Offered, Times } from './replay.js'

const mean = (values: Int32Array): number => values.reduce((sum, value) => sum + value, 0) / values.length

/**
 * The batch n that the offered rate keeps busy (rate x output tokens x step(n) = n, by Little's law), at most what the limit holds;
 * each step prefills the input tokens of the requests that its decoded tokens belong to.
 */
export function meanBatch(numbers: MachineNumbers, { arrivalNs, inputTokens, outputTokens }: Offered): Times {
  const input = mean(inputTokens)
  const output = mean(outputTokens)
  const length = input + output / 2
  const { limit } = numbers
  const most = limit.kind === 'kv' ? Math.min(DEFAULT_MAX_NUM_SEQS, limit.value / length) : limit.value
  const stepNs = (n: number): number => decodeStepNs(numbers, n, n * length) + (numbers.tokenUs * NS_PER_US * n * input) / output
  const ratePerNs = arrivalNs.length / arrivalNs[arrivalNs.length - 1]
  const fixedNs = stepNs(0)
  const perSequenceNs = stepNs(1) - fixedNs
  const busy = 1 - ratePerNs * output * perSequenceNs
  const n = busy > 0 ? Math.min(most, (ratePerNs * output * fixedNs) / busy) : most
  const stepMs = stepNs(n) / NS_PER_MS
  const ttftMs = Float64Array.from(inputTokens, (tokens) => stepMs * (1 + numbers.leadSteps) + (numbers.tokenUs * tokens) / 1000)
  return { ttftMs, e2eMs: ttftMs.map((ttft, i) => ttft + (outputTokens[i] - 1) * stepMs) }
}

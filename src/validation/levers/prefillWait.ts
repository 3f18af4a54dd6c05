/**
 * Attention data parallel ranks that hold back prefill until all ranks have some, as in the attention-DP balance of TensorRT-LLM: an
 * analytical form. Each rank keeps its places full; a request that ends is followed by a prompt, which waits for its turn while the place idles.
 */
import { type Rng, stream } from '../../rng.js'
import type { StepTimer } from '../../timing/index.js'
import type { SettingOf } from './cells.js'
import { lognormalTokens } from './lengths.js'
import { geometricMean, type Simulated } from './simulated.js'
import { deepseekTimer, stepPs } from './stepPrice.js'

/** Steps that are counted, after as many that are not. */
const STEPS = 3000
/** Variation of prompt lengths (assumed). */
export const PROMPT_CV = 1

interface WaitRule {
  /** Steps that the oldest prompt waits for other ranks; 0 = prefill at once. */
  readonly wait: number
  /** Steps that prompts gather once every rank has one. */
  readonly gather: number
}

export interface WaitOutcome {
  /** Mean over steps of mean over max of the ranks' tokens. */
  readonly balance: number
  readonly tokensPerS: number
}

/** Balance with the wait over that without. */
export function balanceGain(setting: SettingOf<'prefill-wait'>): Simulated {
  const ratios = setting.slots_per_rank.map((slots) => {
    const timer = deepseekTimer({
      system: 'gb200',
      tp: 1,
      dp: setting.ranks,
      sequences: slots,
      tokens: setting.budget_tokens + slots,
      longest: 2 ** 16,
    })
    const run = (rule: WaitRule) => waitOutcome(setting, slots, rule, timer, stream(1, `prefill wait/${slots}`))
    return run({ wait: setting.wait_steps, gather: setting.gather_steps }).balance / run({ wait: 0, gather: 0 }).balance
  })
  return { value: geometricMean(ratios), range: [Math.min(...ratios), Math.max(...ratios)], by: 'analytical form' }
}

export function waitOutcome(
  { ranks, input_mean, output_mean, budget_tokens }: SettingOf<'prefill-wait'>,
  slots: number,
  { wait, gather }: WaitRule,
  timer: StepTimer,
  rng: Rng,
): WaitOutcome {
  /** Prompts that wait, by rank, oldest first. */
  const queues: number[][] = Array.from({ length: ranks }, () => [])
  const context = input_mean + output_mean
  let waited = 0
  let gathered = 0
  let balance = 0
  let tokens = 0
  let timePs = 0
  for (let step = 0; step < 2 * STEPS; step++) {
    const all = queues.every((queue) => queue.length > 0)
    gathered = all ? gathered + 1 : 0
    const go = (all && gathered > gather) || waited >= wait
    const work = queues.map((queue) => {
      const decoding = slots - queue.length
      return { decoding, kvTokens: decoding * context, prompts: go ? taken(queue, budget_tokens) : [] }
    })
    for (const [rank, queue] of queues.entries()) {
      const ended = ends(work[rank].decoding, 1 / output_mean, rng)
      for (let i = 0; i < ended; i++) queue.push(Math.min(budget_tokens, lognormalTokens(input_mean, PROMPT_CV, rng)))
    }
    waited = go || queues.every((queue) => queue.length === 0) ? 0 : waited + 1
    if (go) gathered = 0
    if (step < STEPS) continue
    const loads = work.map(({ decoding, prompts }) => prompts.reduce((sum, prompt) => sum + prompt, decoding))
    balance += loads.reduce((sum, load) => sum + load, 0) / ranks / Math.max(...loads)
    tokens += work.reduce((sum, { decoding }) => sum + decoding, 0)
    timePs += stepPs(timer, work)
  }
  return { balance: balance / STEPS, tokensPerS: tokens / (timePs * 1e-12) }
}

/** Prompts from the head of the queue that fit the budget. */
function taken(queue: number[], budget: number): number[] {
  const prompts: number[] = []
  let left = budget
  while (queue.length > 0 && queue[0] <= left) {
    left -= queue[0]
    prompts.push(queue.shift() as number)
  }
  return prompts
}

/** Sequences of `count` that end in this step, each with chance `chance`: Poisson by multiplication, as long as few end. */
function ends(count: number, chance: number, rng: Rng): number {
  const none = Math.exp(-count * chance)
  let ended = 0
  for (let product = rng.uniform(); product > none && ended < count; product *= rng.uniform()) ended++
  return ended
}

/** The price of one engine step from its step tables (timing/stepTimer.ts), for cells about whole engines. */
import { loadSystem } from '../../hardware/load.js'
import { loadModel } from '../../models/load.js'
import {
  buildStepTables,
  createStepTimer,
  PLAIN_TIMING,
  promptsPs,
  type StepTimer,
  type TimingRequest,
} from '../../timing/index.js'

export interface EngineShape {
  readonly system: string
  readonly tp: number
  readonly dp: number
  /** Sequences and tokens of a step, each of one rank. */
  readonly sequences: number
  readonly tokens: number
  readonly longest: number
}

/** DeepSeek-R1, NVFP4 with FP8 KV; every GPU holds its share of the experts. */
export const deepseekRequest = ({ system, tp, dp, sequences, tokens, longest }: EngineShape): TimingRequest => ({
  ...PLAIN_TIMING,
  system: loadSystem(system),
  model: loadModel('deepseek-r1'),
  precision: 'nvfp4',
  kvPrecision: 'fp8',
  parallelism: { tp, dp, cp: 1, pp: 1, moeTp: 1, moeEp: tp * dp },
  maxNumSeqs: sequences,
  maxNumBatchedTokens: tokens,
  maxModelLen: longest,
})

export const deepseekTimer = (shape: EngineShape): StepTimer => createStepTimer(buildStepTables(deepseekRequest(shape)))

/** What one rank does in a step. */
export interface RankStep {
  readonly decoding: number
  /** KV tokens that the decoding sequences read. */
  readonly kvTokens: number
  /** Prompts computed whole in this step, tokens each. */
  readonly prompts: readonly number[]
}

/** Time of a step, ps: the formula of timing/stepTimer.ts with a split factor of 1, less the keys of an indexer, which DeepSeek-R1 has none of. */
export function stepPs(timer: StepTimer, ranks: readonly RankStep[]): number {
  let slowest = 0
  let sum = 0
  let most = 0
  for (const { decoding, kvTokens, prompts } of ranks) {
    const tokens = prompts.reduce((total, prompt) => total + prompt, decoding)
    if (tokens === 0) continue
    let rank = timer.localPs(tokens) + timer.headPs(decoding + prompts.length)
    if (decoding > 0) rank += timer.decodeRowsPs(decoding) + timer.kernelPs(decoding, kvTokens)
    rank += promptsPs(
      timer,
      prompts.map((prompt) => ({ tokens: prompt, prefix: 0 })),
    )
    slowest = Math.max(slowest, rank)
    sum += tokens
    most = Math.max(most, tokens)
  }
  return timer.tables.hostPs + slowest + timer.sharedPs(sum) + timer.exchangePs(most)
}

import { msToNs, PS_PER_NS } from '../../units.js'
import type { ChunkPolicy } from '../lever.js'
import { tokensWithin } from './equalTime.js'

export interface SlackOptions {
  /** Time promised for each token after the first, ms. */
  readonly pace: number
  /** Longest step planned, ms: with much slack a chunk would else be as long as it. */
  readonly cap: number
}

/**
 * The largest chunk whose predicted step ends when the next token is due of the decoding sequence that can wait least: token k is due k x `pace` after
 * the first one, so who is ahead of that pace lends its lead to prefill. No less than 256 tokens.
 */
export function slack({ pace, cap }: SlackOptions): ChunkPolicy {
  const capNs = msToNs(cap)
  return {
    info: {
      lever: 'chunk',
      name: `slack(${pace},cap=${cap})`,
      shapeAware: true,
      hooks: ['prefillTokens'],
      inputs: [
        'first token and tokens so far of every decoding sequence of the engine',
        'decoding sequences and their KV',
        'prompt tokens left and done of the next requests',
        'the price list of a step',
      ],
      signalAge: 'now',
      complexity: 'O(sequences of the engine + 8 log(tokens / 32))',
      wins: 'objectives on the mean time per output token with bursts of prompts: early tokens pay for them',
      loses: 'objectives on the largest gap below its cap; without slack it prefills 256 tokens a step',
      source:
        'cumulative token deadlines and a budget of the least slack, as in FairBatching (arXiv 2510.14392); no decode is paused, prompts keep their order',
    },
    readsCandidates: true,
    paceNs: msToNs(pace),
    prefillTokens: (view) => tokensWithin(view, Math.min(capNs, view.leastSlackNs) * PS_PER_NS),
  }
}

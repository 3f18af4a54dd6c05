import type { ChunkPolicy } from '../lever.js'

/**
 * A fixed number of tokens a step, decoding first, drafts counted. `tokens` in [1, 2^20]. When nothing decodes all of it is prefill. Where decoding
 * takes all of it no prompt ends and so nobody begins to decode: prompts wait until an answer ends. Prompts with fewer tokens to compute
 * than a decoding sequence takes (1 and its drafts) may carry the step after them beyond it.
 */
export function fixedBudget(tokens: number): ChunkPolicy {
  return {
    info: {
      lever: 'chunk',
      name: `fixed-budget(${tokens})`,
      shapeAware: false,
      hooks: ['prefillTokens'],
      inputs: ['tokens that the decoding sequences take of the step'],
      signalAge: 'now',
      complexity: 'O(1)',
      needs: { stepTokens: tokens },
      wins: 'short prompts, and a mean time per output token as the objective',
      loses: 'long prefixes: the same tokens cost several times more attention, so gaps grow',
      source: 'chunked prefill as in Sarathi-Serve and vLLM',
    },
    readsCandidates: false,
    prefillTokens: (view) => (tokens > view.decodeTokens ? tokens - view.decodeTokens : 0),
  }
}

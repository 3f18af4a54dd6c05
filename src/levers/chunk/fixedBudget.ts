import type { ChunkPolicy } from '../lever.js'

/** A fixed number of tokens a step, decoding first. `tokens` in [1, 2^20]. When nothing decodes all of it is prefill. */
export function fixedBudget(tokens: number): ChunkPolicy {
  return {
    info: {
      lever: 'chunk',
      name: `fixed-budget(${tokens})`,
      shapeAware: false,
      hooks: ['prefillTokens'],
      inputs: ['decoding sequences'],
      signalAge: 'now',
      complexity: 'O(1)',
      needs: { stepTokens: tokens },
      wins: 'short prompts, and a mean time per output token as the objective',
      loses: 'long prefixes: the same tokens cost several times more attention, so gaps grow',
      source: 'chunked prefill as in Sarathi-Serve and vLLM',
    },
    readsCandidates: false,
    prefillTokens: (view) => (tokens > view.decodeSequences ? tokens - view.decodeSequences : 0),
  }
}

import type { SpanPolicy } from '../lever.js'

/** Every context over the same number of ranks, whatever its length: the degree of an engine-wide decode context parallelism. A power of two in [2, 64]. */
export function fixedSpan(degree: number): SpanPolicy {
  return {
    info: {
      lever: 'span',
      name: `fixed(${degree})`,
      shapeAware: false,
      hooks: ['degree'],
      inputs: [],
      signalAge: 'now',
      complexity: 'O(1)',
      wins: 'contexts that fill the KV memory of a rank; one long context among few requests',
      loses: 'short contexts: every step pays two exchanges a layer, and every sequence a place on each of its ranks',
      source: 'decode context parallelism of vLLM and TensorRT-LLM (one degree for an engine), Helix parallelism',
    },
    largest: degree,
    degree: () => degree,
  }
}

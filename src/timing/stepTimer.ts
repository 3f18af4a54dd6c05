/**
 * The price of a step, as the simulator sees it. A `StepTimer` answers in whole picoseconds and allocates nothing (but a view, to sort more than 48 chunks);
 * `StepTables` are its plain data, made from a plan by `buildStepTables` (tables.ts) and sent to worker threads as they are.
 *
 *   rank time(r)  = local(T_r) + head(out_r) + decodeRows(n_r) + attention(n_r, K_r, split factor_r) + prompts(r)
 *   prompts(r)    = prefill(c, P) of one chunk; several share a call (see `chunksPs`)
 *   engine step   = host + max over ranks of rank time + shared(sum of T_r) + exchange(max T_r) + planning of the policies
 *
 * T_r = tokens of rank r in this step (decode sequences x (draft tokens + 1) + chunk tokens); out_r = positions that emit a token;
 * n_r = decoding sequences, whose rows and kernel are priced with all their draft tokens; K_r = sum of their KV lengths, the token written
 * in this step included; (c, P) = chunk tokens after a prefix P.
 * attention = kernel x split factor + keys(K), rounded so that it grows by the same whole ps with every step of a batch (see `attentionPs`). Only
 * the kernel is multiplied by the split factor: never projections (see docs/decisions), nor the keys that a sparse indexer scores.
 */
import { bilinear, intervalOf } from '../collections/interval.js'

export interface StepTables {
  /** Ranks of the engine (attention data parallel degree). */
  readonly ranks: number
  /** Largest T of one rank (max_num_batched_tokens) and largest n of one rank (max_num_seqs). */
  readonly maxTokens: number
  readonly maxSequences: number
  /** Largest KV length of one sequence in tokens (max_model_len). */
  readonly maxLength: number
  /** Host overhead of every step, ps. */
  readonly hostPs: number
  /** [maxTokens + 1] whole ps: token-wise work of one rank; 0 at index 0. */
  readonly localPs: Float64Array
  /** [maxSequences x (draft tokens + 1) + 1] whole ps: final projection of so many positions. Chunk ends count too; clamped at the last entry. */
  readonly headPs: Float64Array
  /** [maxSequences + 1] whole ps: decode attention work that depends on n alone (absorbed BMMs, windowed layers). */
  readonly decodeRowsPs: Float64Array
  /** [ranks * maxTokens + 1] whole ps: work shared by the ranks (experts), by the sum of tokens; all 0 for dense models. */
  readonly sharedPs: Float64Array
  /** [maxTokens + 1] whole ps: exchange between ranks, gated by the fullest rank; all 0 when there is none. */
  readonly exchangePs: Float64Array
  /** Decode kernel, piecewise linear in K at fixed n: row n, column j covers mean lengths [2^j, 2^(j+1)). */
  readonly kernelColumns: number
  /** [(maxSequences + 1) * kernelColumns] ps at mean length 2^j (may be fractional; the sum is rounded once). */
  readonly kernelBasePs: Float64Array
  /** [(maxSequences + 1) * kernelColumns] ps per KV token within the column. */
  readonly kernelSlopePs: Float64Array
  /** Whole ps of each KV token of the decoding sequences, whose key a sparse indexer scores; absent where none does. */
  readonly keyTokenPs?: number
  /** Prefill attention: bilinear on (chunk knots x prefix knots). */
  readonly prefillChunkKnots: Float64Array
  readonly prefillPrefixKnots: Float64Array
  /** [chunkKnots * prefixKnots] ps. */
  readonly prefillPs: Float64Array
  /** Several chunks in one call; absent where each has a call of its own. */
  readonly together?: SharedCall
}

/** Chunks of one call from the longest to the shortest: what the k-th adds to those before it, as if they were no longer than it. */
export interface SharedCall {
  /** Numbers of chunks, from 1 on: the k-th with counts[i] < k <= counts[i + 1] has row i; beyond the last, the last. */
  readonly counts: Float64Array
  /** Tokens of a chunk, from 1 on: linear between them. */
  readonly lengths: Float64Array
  /** [(counts - 1) * lengths] ps, >= 0, of a chunk without prefix. */
  readonly nextPs: Float64Array
  /** [chunkKnots * prefixKnots] ps of work on the prefix of a chunk, which all of a call have done for themselves: 0 without one. Bilinear. */
  readonly prefixPs: Float64Array
}

export interface StepTimer {
  readonly tables: StepTables
  localPs(tokens: number): number
  headPs(emitting: number): number
  decodeRowsPs(sequences: number): number
  sharedPs(totalTokens: number): number
  exchangePs(maxTokens: number): number
  /** Decode attention kernel of `sequences` > 0 with `kvTokens` in total, before the split factor. Whole ps. */
  kernelPs(sequences: number, kvTokens: number): number
  /** Scoring the keys of so many KV tokens, whatever the split factor. Whole ps; 0 where no indexer does. */
  keysPs(kvTokens: number): number
  /**
   * The kernel times the split factor `factor`: with the mean length m = floor(kvTokens / sequences) of column j,
   * round(base x factor) + (m - 2^j) x `growthPs` + round((kvTokens - sequences m) x slope x factor), which is within 2^j / 2 + 1 ps of the product; and
   * `keysPs`. Whole ps.
   */
  attentionPs(sequences: number, kvTokens: number, factor: number): number
  /** Prefill attention of a chunk of `chunk` > 0 tokens after `prefix` tokens. Whole ps. */
  prefillPs(chunk: number, prefix: number): number
  /** Work on the prefix of a chunk that shares its call, at most `prefillPs`, ps. */
  prefixPs(chunk: number, prefix: number): number
  /** Says that chunk `at` (from 0 on) of the step that `chunksPs` is asked about next has so many tokens. */
  setChunk(at: number, tokens: number): void
  /**
   * Prefill attention of the first `chunks` > 1 chunks that `setChunk` has been told of since it was last asked. In a call each they would take `sumPs`; in one they take all work on
   * prefixes, `prefixesPs`, the longest chunk without prefix, and what each next one adds; at most `sumPs`. Whole ps.
   */
  chunksPs(sumPs: number, prefixesPs: number, chunks: number): number
}

/** Longer lists are sorted by the engine. */
const FEW_CHUNKS = 48

/** The first `count` of the values in falling order. */
function sortFalling(values: Float64Array, count: number): void {
  if (count > FEW_CHUNKS) {
    values.subarray(0, count).sort().reverse()
    return
  }
  for (let i = 1; i < count; i++) {
    const value = values[i]
    let at = i
    for (; at > 0 && values[at - 1] < value; at--) values[at] = values[at - 1]
    values[at] = value
  }
}

/**
 * The column of the kernel tables that a mean length >= 0 falls into; the last one reaches on for ever. Shares of short contexts spread over many ranks
 * may be less than a token in the mean: the first column reaches down to them.
 */
export function kernelColumn(mean: number, kernelColumns: number): number {
  const column = mean > 0 ? 31 - Math.clz32(mean) : 0
  return column < kernelColumns ? column : kernelColumns - 1
}

/** What a step adds to the kernel of the next, in which each of the sequences is a token longer, within a column. Whole ps. */
export const kernelGrowthPs = (sequences: number, slopePs: number, factor: number): number =>
  Math.round(sequences * slopePs * factor)

/** The parts of a step from its tables, whole ps. */
export function createStepTimer(tables: StepTables): StepTimer {
  const { localPs, headPs, decodeRowsPs, sharedPs, exchangePs, kernelColumns, kernelBasePs, kernelSlopePs } = tables
  const { prefillChunkKnots, prefillPrefixKnots, prefillPs, keyTokenPs = 0, together } = tables
  const lastHead = headPs.length - 1
  const chunkTokens = new Float64Array(tables.maxTokens)
  const oneCallPs = (chunk: number, prefix: number): number =>
    Math.round(bilinear(prefillPs, prefillChunkKnots, prefillPrefixKnots, chunk, prefix))
  return {
    tables,
    localPs: (tokens) => localPs[tokens],
    headPs: (emitting) => headPs[emitting < lastHead ? emitting : lastHead],
    decodeRowsPs: (sequences) => decodeRowsPs[sequences],
    sharedPs: (totalTokens) => sharedPs[totalTokens],
    exchangePs: (maxTokens) => exchangePs[maxTokens],
    kernelPs(sequences, kvTokens) {
      const column = kernelColumn((kvTokens / sequences) | 0, kernelColumns)
      const at = sequences * kernelColumns + column
      return Math.round(kernelBasePs[at] + kernelSlopePs[at] * (kvTokens - sequences * (1 << column)))
    },
    keysPs: (kvTokens) => kvTokens * keyTokenPs,
    attentionPs(sequences, kvTokens, factor) {
      const mean = (kvTokens / sequences) | 0
      const column = kernelColumn(mean, kernelColumns)
      const at = sequences * kernelColumns + column
      const growthPs = kernelGrowthPs(sequences, kernelSlopePs[at], factor)
      const rest = kvTokens - sequences * mean
      return (
        Math.round(kernelBasePs[at] * factor) +
        (mean - (1 << column)) * growthPs +
        Math.round(rest * kernelSlopePs[at] * factor) +
        kvTokens * keyTokenPs
      )
    },
    prefillPs: oneCallPs,
    prefixPs: (chunk, prefix) =>
      together === undefined ? 0 : bilinear(together.prefixPs, prefillChunkKnots, prefillPrefixKnots, chunk, prefix),
    setChunk(at, tokens) {
      chunkTokens[at] = tokens
    },
    chunksPs(sumPs, prefixesPs, chunks) {
      if (together === undefined) return sumPs
      sortFalling(chunkTokens, chunks)
      const { counts, lengths, nextPs } = together
      let ps = prefixesPs + bilinear(prefillPs, prefillChunkKnots, prefillPrefixKnots, chunkTokens[0], 0)
      let row = 0
      for (let k = 2; k <= chunks; k++) {
        if (k > counts[row + 1] && row < counts.length - 2) row++
        const tokens = chunkTokens[k - 1]
        const j = intervalOf(lengths, tokens)
        const at = row * lengths.length + j
        ps += nextPs[at] + ((nextPs[at + 1] - nextPs[at]) * (tokens - lengths[j])) / (lengths[j + 1] - lengths[j])
      }
      return Math.round(ps < sumPs ? ps : sumPs)
    },
  }
}

/** Prefill attention of all chunks of a step together, for those who need not be fast. Whole ps; 0 without chunks. */
export function promptsPs(timer: StepTimer, chunks: readonly { readonly tokens: number; readonly prefix: number }[]): number {
  const sumOf = (price: (chunk: number, prefix: number) => number): number =>
    chunks.reduce((sum, { tokens, prefix }) => sum + price(tokens, prefix), 0)
  if (chunks.length < 2) return sumOf(timer.prefillPs)
  for (const [at, { tokens }] of chunks.entries()) timer.setChunk(at, tokens)
  return timer.chunksPs(sumOf(timer.prefillPs), sumOf(timer.prefixPs), chunks.length)
}

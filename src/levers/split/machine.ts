/**
 * Parameters of the SM-level model of one decode attention kernel: how many CTAs run, how fast one can stream, what a CTA and a
 * merge cost. Symbols in brackets are those of the published split-KV literature.
 */
export interface SplitMachine {
  /** CTA slots (P): streaming multiprocessors x resident CTAs. */
  readonly slots: number
  /** Effective HBM bandwidth (BW), bytes per ns (= GB/s). */
  readonly bandwidth: number
  /** Largest bandwidth of one CTA (b), bytes per ns. */
  readonly ctaBandwidth: number
  /** Fixed time of one CTA (o), ns. */
  readonly ctaOverheadNs: number
  /** Head groups per request on this GPU (H): KV heads for GQA, tiles of query heads for MLA. */
  readonly headGroups: number
  /** KV bytes of one token of one head group. */
  readonly bytesPerToken: number
  /** Tokens of one KV tile (n_t): pieces are whole tiles. */
  readonly tileTokens: number
  /** Bytes of one partial result (output and log-sum-exp). */
  readonly partialBytes: number
  /** Fixed cost of a merge pass, ns; 0 when nothing is split. */
  readonly mergeFixedNs: number
  /**
   * Rate at which the partial results of one request are reduced, bytes per ns. Absent where one CTA reduces a request, at its own rate b, as
   * the published rows of trtllm-gen grow; kernels that reduce the heads of a request side by side are faster.
   */
  readonly mergeBandwidth?: number
  /** Launch of the kernel, ns. */
  readonly launchNs: number
  /** Tokens of a request that the kernel reads at most, where a sparse indexer chooses them; absent = all. Evaluators cut lengths to it before a policy sees them; `createSplitModel` and `floorNs` take lengths as they are. */
  readonly mostTokens?: number
}

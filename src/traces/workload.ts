/**
 * A workload: columns of request shapes, sorted by arrival. Never text. Optional columns are null when no request has them.
 */
export interface Workload {
  readonly count: number
  /** Whole ns from the start of the workload; non-decreasing. NaN: released by its parent (sessions). */
  readonly arrivalNs: Float64Array
  /** Input tokens, >= 1. */
  readonly isl: Int32Array
  /** Output tokens, >= 1. Hidden from every policy. */
  readonly osl: Int32Array
  readonly classId: Uint16Array | null
  readonly tenant: Int32Array | null
  /** Dense number of the session (conversation) of a request, -1 for none. Requests of a session keep the order of its turns. */
  readonly session: Int32Array | null
  /**
   * Index of the request that this one continues, below its own index; -1 for none. A request with an arrival time arrives then (its parent
   * is a recorded relation). One whose arrival is NaN is sent `waitNs` after the last of the requests it waits for has ended: its parent, and
   * those that name it in `joins`.
   */
  readonly parent: Int32Array | null
  /** Wait of the client (tool, human) between the ends waited for and the sending, whole ns >= 0; 0 without a parent. */
  readonly waitNs: Float64Array | null
  /** Index of a later request that waits for the end of this one too (a fork comes back together), above its own index; -1 for none. */
  readonly joins: Int32Array | null
  /** Ends that a request waits for: 1 for its parent and 1 for each request that joins it; null: `parent` tells all. */
  readonly joinCount: Int32Array | null
  /**
   * Prefix blocks of request i: the runs [runOffset[i], runOffset[i] + runCount[i]) of consecutive ids. A block's id is dense (0 and up) and names
   * the whole prefix up to and with that block: two requests share a prefix exactly as far as their leading ids are equal.
   */
  readonly runOffset: Float64Array | null
  readonly runCount: Int32Array | null
  /** First id and number of blocks (>= 1) of each run. */
  readonly runFirst: Int32Array | null
  readonly runLength: Int32Array | null
  /** Tokens per prefix block of the trace, 0 when there are no ids. */
  readonly blockTokens: number
  /** Names of tenants and classes by number, where the source has names; not part of the trace's hash. */
  readonly names: { readonly tenant: readonly string[] | null; readonly class: readonly string[] | null }
  readonly provenance: Provenance
}

/** Where a workload comes from; printed with every result and kept in trace files. */
export interface Provenance {
  /** Name to print: a preset or a file's base name, never a path. */
  readonly name: string
  /** Name of the format that was read (docs/TRACES.md), `generated` or `merged`. */
  readonly format: string
  /** One sentence: origin, licence or recipe. */
  readonly note: string
  readonly rowsRead: number
  readonly rowsSkipped: number
}

export const NO_NAMES = Object.freeze({ tenant: null, class: null })

/** A workload with only the three necessary columns. */
export function shapesOnly(arrivalNs: Float64Array, isl: Int32Array, osl: Int32Array, provenance: Provenance): Workload {
  return {
    count: arrivalNs.length,
    arrivalNs,
    isl,
    osl,
    classId: null,
    tenant: null,
    session: null,
    parent: null,
    waitNs: null,
    joins: null,
    joinCount: null,
    runOffset: null,
    runCount: null,
    runFirst: null,
    runLength: null,
    blockTokens: 0,
    names: NO_NAMES,
    provenance,
  }
}

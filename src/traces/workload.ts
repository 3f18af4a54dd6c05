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
  /** Index of the parent request, -1 for none; the request is sent `waitNs` after the last of its `joinCount` parents ended. */
  readonly parent: Int32Array | null
  readonly waitNs: Float64Array | null
  readonly joinCount: Int32Array | null
  /** Prefix blocks of request i: blockIds[blockOffset[i] .. blockOffset[i] + blockCount[i]), dense ids. */
  readonly blockOffset: Float64Array | null
  readonly blockCount: Int32Array | null
  readonly blockIds: Int32Array | null
  /** Tokens per prefix block of the trace, 0 when there are no ids. */
  readonly blockTokens: number
  readonly provenance: Provenance
}

/** Where a workload comes from; printed with every result and kept in trace files. */
export interface Provenance {
  /** Name to print: a preset or a file's base name, never a path. */
  readonly name: string
  /** azure | mooncake | csv | shapewise | generated */
  readonly format: string
  /** One sentence: origin, licence or recipe. */
  readonly note: string
  readonly rowsRead: number
  readonly rowsSkipped: number
}

/** A workload with only the three necessary columns. */
export function shapesOnly(arrivalNs: Float64Array, isl: Int32Array, osl: Int32Array, provenance: Provenance): Workload {
  return {
    count: arrivalNs.length,
    arrivalNs,
    isl,
    osl,
    classId: null,
    tenant: null,
    parent: null,
    waitNs: null,
    joinCount: null,
    blockOffset: null,
    blockCount: null,
    blockIds: null,
    blockTokens: 0,
    provenance,
  }
}

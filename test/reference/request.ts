import { PHASES, type Phase } from '../../src/metrics/records.js'
import type { Rank } from './rank.js'

/** One request of the reference simulator, as a plain object with its whole history. */
export class Request {
  phase: Phase = 'queue'
  sinceNs: number
  readonly phaseNs: Record<Phase, number> = { queue: 0, prefill: 0, transfer: 0, decode_wait: 0, decode: 0, stall: 0 }
  engine = -1
  rank = -1
  /** Tokens emitted so far. */
  emitted = 0
  /** Tokens that must be in the KV before the next token can be emitted by prefill. */
  target: number
  /** KV tokens written where it is now. */
  length = 0
  /** KV blocks held where it is now, on each of its ranks. */
  blocks = 0
  /** Over how many ranks its context is spread where it is now, and the number of its admission there. */
  degree = 1
  admission = 0
  /** The prefill rank that holds its KV until the transfer ends, and the blocks there. */
  source: Rank | null = null
  sourceBlocks = 0
  /** Names of the leading blocks that it shares through the cache where it is now, and at the source. */
  shared: string[] = []
  sourceShared: string[] = []
  /** Input tokens that a cache held when it was first admitted. */
  cachedTokens = 0
  /** Those of them from the host's memory. */
  loadedTokens = 0
  everScheduled = false
  preemptions = 0
  migrations = 0
  /** Steps that it has decoded in since it joined the rank. */
  stepsHere = 0
  firstTokenNs = Number.NaN
  lastTokenNs = Number.NaN
  maxGapNs = 0

  constructor(
    /** Index in the workload. */
    readonly index: number,
    readonly isl: number,
    readonly osl: number,
    readonly classId: number,
    readonly tenant: number,
    readonly arrivalNs: number,
    /** Names of its prefix blocks, for blocks of this many tokens. */
    readonly blockNames: (blockSize: number) => string[],
  ) {
    this.sinceNs = arrivalNs
    this.target = isl
  }

  enter(phase: Phase, timeNs: number): void {
    this.phaseNs[this.phase] += timeNs - this.sinceNs
    this.phase = phase
    this.sinceNs = timeNs
  }

  /** The client receives tokens. */
  deliver(timeNs: number): void {
    if (Number.isNaN(this.firstTokenNs)) this.firstTokenNs = timeNs
    else this.maxGapNs = Math.max(this.maxGapNs, timeNs - this.lastTokenNs)
    this.lastTokenNs = timeNs
  }

  /** Closes the running phase. */
  leave(timeNs: number): void {
    this.enter(this.phase, timeNs)
  }

  phaseList(): number[] {
    return PHASES.map((phase) => this.phaseNs[phase])
  }
}

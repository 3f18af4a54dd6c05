import { PHASES, type Phase } from '../../src/metrics/records.js'

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
  /** KV tokens written. */
  length = 0
  /** KV blocks held. */
  blocks = 0
  everScheduled = false
  preemptions = 0
  firstTokenNs = Number.NaN

  constructor(
    /** Index in the workload. */
    readonly index: number,
    readonly isl: number,
    readonly osl: number,
    readonly classId: number,
    readonly tenant: number,
    readonly arrivalNs: number,
  ) {
    this.sinceNs = arrivalNs
    this.target = isl
  }

  enter(phase: Phase, timeNs: number): void {
    this.phaseNs[this.phase] += timeNs - this.sinceNs
    this.phase = phase
    this.sinceNs = timeNs
  }

  /** Closes the running phase. */
  leave(timeNs: number): void {
    this.enter(this.phase, timeNs)
  }

  phaseList(): number[] {
    return PHASES.map((phase) => this.phaseNs[phase])
  }
}

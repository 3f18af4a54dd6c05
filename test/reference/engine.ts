/** One engine of the reference simulator: pricing a step and ending it. The clock is a BigInt of picoseconds. */
import type { Arm, SplitBatch } from '../../src/levers/lever.js'
import type { EngineConfig } from '../../src/simulator/config.js'
import { createStepTimer, type StepTimer } from '../../src/timing/stepTimer.js'
import { Rank } from './rank.js'
import type { Request } from './request.js'

export const PS_PER_NS = 1000n

/** Price of a batch under the arm's split policy, relative to the occupancy rule. */
export type PriceSplit = (batch: SplitBatch) => number

/** What the step in progress will have cost and done. */
export interface Step {
  readonly durationPs: number
  readonly gatingAttentionPs: number
  readonly attentionPs: readonly number[]
  readonly decodeSequences: number
  readonly inputTokens: number
  readonly outputTokens: number
  readonly usedShare: number
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

export class Engine {
  readonly ranks: Rank[]
  readonly timer: StepTimer
  clockPs = 0n
  step: Step | null = null
  stepNumber = 0

  constructor(
    readonly config: EngineConfig,
    readonly arm: Arm,
    readonly priceSplit: PriceSplit,
  ) {
    this.timer = createStepTimer(config.tables)
    this.ranks = Array.from({ length: config.ranks }, (_, index) => new Rank(config, index))
  }

  endNs(): number {
    return Number(this.clockPs / PS_PER_NS)
  }

  /** Begins a step at the engine's clock if there is work; `clockPs` becomes the step's end. Returns the number of preemptions. */
  begin(): number {
    const nowNs = this.endNs()
    const preemptions = sum(this.ranks.map((rank) => rank.begin(nowNs, this.arm.chunk, this.timer)))
    if (this.ranks.every((rank) => rank.decoding.size === 0 && rank.chunks.length === 0)) return preemptions
    this.stepNumber++
    this.step = this.price()
    this.clockPs += BigInt(this.step.durationPs)
    return preemptions
  }

  private price(): Step {
    const { timer } = this
    const decode = this.ranks.map((rank) => rank.decoders().length)
    const input = this.ranks.map((rank) => sum(rank.chunks.map((chunk) => chunk.tokens)))
    const ending = this.ranks.map((rank) => rank.chunks.filter((c) => c.prefix + c.tokens === c.request.target).length)
    const attention = this.ranks.map((rank) => this.attentionPs(rank))
    const times = this.ranks.map((_, r) => {
      const tokens = decode[r] + input[r]
      const emitting = decode[r] + ending[r]
      const local = tokens > 0 ? timer.localPs(tokens) : 0
      const head = emitting > 0 ? timer.headPs(emitting) : 0
      const rows = decode[r] > 0 ? timer.decodeRowsPs(decode[r]) : 0
      return local + head + rows + attention[r]
    })
    const totals = this.ranks.map((_, r) => decode[r] + input[r])
    const planning = decode.some((n) => n > 0) ? this.arm.split.planningPs : 0
    const common = timer.sharedPs(sum(totals)) + timer.exchangePs(Math.max(...totals)) + planning
    return {
      durationPs: timer.tables.hostPs + Math.max(...times) + common,
      gatingAttentionPs: attention[times.indexOf(Math.max(...times))],
      attentionPs: attention,
      decodeSequences: sum(decode),
      inputTokens: sum(input),
      outputTokens: sum(decode) + sum(ending),
      usedShare: Math.max(...this.ranks.map((rank) => rank.usedBlocks())) / this.config.numGpuBlocks,
    }
  }

  private attentionPs(rank: Rank): number {
    const prefill = sum(rank.chunks.map((chunk) => this.timer.prefillPs(chunk.tokens, chunk.prefix)))
    const lengths = rank.decoders().map((request) => request.length + 1)
    const decoded = lengths.length > 0
    if (!decoded) {
      rank.decodedInPreviousStep = false
      return prefill
    }
    const kernelPs = this.timer.kernelPs(lengths.length, sum(lengths))
    const attentionPs = Math.round(kernelPs * this.splitFactor(rank, lengths)) + prefill
    rank.decodedInPreviousStep = true
    return attentionPs
  }

  private splitFactor(rank: Rank, lengths: readonly number[]): number {
    const n = lengths.length
    const kvTokens = sum(lengths)
    const { kept } = rank
    if (kept && rank.decodedInPreviousStep) {
      const steps = this.stepNumber - kept.step
      const predicted = kept.kvTokens + kept.sequences * steps
      const stale =
        steps >= 32 ||
        (kept.changed && steps >= 10) ||
        20 * Math.abs(n - kept.sequences) > kept.sequences ||
        32 * Math.abs(kvTokens - predicted) > predicted
      if (!stale) return kept.factor
    }
    const sorted = Float64Array.from(lengths).sort()
    const factor = this.priceSplit({ n, lengths: sorted, totalTokens: kvTokens })
    rank.kept = { factor, step: this.stepNumber, sequences: n, kvTokens, changed: false }
    return factor
  }

  /** Ends the step in progress; returns it and the requests that completed, in order. */
  end(): { step: Step; completed: Request[] } {
    const nowNs = this.endNs()
    const completed: Request[] = []
    for (const rank of this.ranks) {
      for (const request of rank.decoders()) {
        request.length++
        request.emitted++
        if (request.emitted === request.osl) completed.push(finish(rank, request, nowNs))
      }
      for (const { request, tokens } of rank.chunks) {
        request.length += tokens
        if (request.length < request.target) continue
        request.emitted++
        if (request.emitted === 1) request.firstTokenNs = nowNs
        request.enter('decode', nowNs)
        if (request.emitted === request.osl) completed.push(finish(rank, request, nowNs))
        else rank.join(request)
      }
      rank.chunks = []
    }
    const step = this.step as Step
    this.step = null
    return { step, completed }
  }
}

function finish(rank: Rank, request: Request, nowNs: number): Request {
  rank.remove(request)
  request.leave(nowNs)
  return request
}

/** One rank of the reference simulator: its queues, its KV blocks, and the scheduling rules of "A step begins". */
import { CHUNK_CANDIDATES, type ChunkPolicy, type ChunkView } from '../../src/levers/lever.js'
import type { EngineConfig } from '../../src/simulator/config.js'
import type { StepTimer } from '../../src/timing/stepTimer.js'
import type { Request } from './request.js'

export interface Chunk {
  readonly request: Request
  readonly tokens: number
  readonly prefix: number
}

/** The split factor kept by a rank, and what it was when it was evaluated. */
export interface KeptFactor {
  factor: number
  step: number
  sequences: number
  kvTokens: number
  changed: boolean
}

const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0)

export class Rank {
  waiting: Request[] = []
  /** Requests that hold KV, in order of admission. */
  admitted: Request[] = []
  decoding = new Set<Request>()
  chunks: Chunk[] = []
  kept: KeptFactor | null = null
  decodedInPreviousStep = false

  constructor(
    readonly config: EngineConfig,
    readonly index: number,
  ) {}

  decoders(): Request[] {
    return this.admitted.filter((request) => this.decoding.has(request))
  }

  prefilling(): Request[] {
    return this.admitted.filter((request) => !this.decoding.has(request))
  }

  usedBlocks(): number {
    return sum(this.admitted.map((request) => request.blocks))
  }

  freeBlocks(): number {
    return this.config.numGpuBlocks - this.usedBlocks()
  }

  kvTokens(): number {
    return sum(this.admitted.map((request) => request.length))
  }

  queuedTokens(): number {
    return sum([...this.waiting, ...this.prefilling()].map((request) => request.target - request.length))
  }

  blocksFor(tokens: number): number {
    return Math.ceil(tokens / this.config.blockSize)
  }

  /** Takes out of the rank a request that holds KV. */
  remove(request: Request): void {
    this.admitted = this.admitted.filter((other) => other !== request)
    if (this.decoding.delete(request) && this.kept) this.kept.changed = true
    request.blocks = 0
    request.length = 0
  }

  join(request: Request): void {
    this.decoding.add(request)
    if (this.kept) this.kept.changed = true
  }

  preemptNewest(nowNs: number): Request {
    const victim = this.admitted[this.admitted.length - 1]
    this.remove(victim)
    victim.target = victim.isl + victim.emitted
    victim.preemptions++
    victim.enter('stall', nowNs)
    this.waiting.unshift(victim)
    return victim
  }

  /** Fills `chunks` and takes the blocks of this step. Returns the number of preemptions. */
  begin(nowNs: number, policy: ChunkPolicy, timer: StepTimer): number {
    this.chunks = []
    let preempted = 0
    const needed = () => this.decoders().filter((request) => this.blocksFor(request.length + 1) > request.blocks).length
    while (needed() > this.freeBlocks()) {
      this.preemptNewest(nowNs)
      preempted++
    }
    for (const request of this.decoders()) request.blocks = this.blocksFor(request.length + 1)
    if (this.waiting.length === 0 && this.prefilling().length === 0) return preempted

    const answer = policy.prefillTokens(this.chunkView(timer))
    let budget = Math.min(answer, this.config.maxNumBatchedTokens - this.decoding.size)
    for (const request of this.prefilling()) {
      if (budget <= 0 || !this.admitted.includes(request)) break
      const tokens = Math.min(request.target - request.length, budget)
      const blocks = this.blocksFor(request.length + tokens)
      while (this.admitted.includes(request) && blocks - request.blocks > this.freeBlocks()) {
        this.preemptNewest(nowNs)
        preempted++
      }
      if (!this.admitted.includes(request)) break
      budget -= this.schedule(request, tokens)
    }
    while (preempted === 0 && budget > 0 && this.waiting.length > 0 && this.admitted.length < this.config.maxNumSeqs) {
      const request = this.waiting[0]
      const tokens = Math.min(request.target, budget)
      if (this.blocksFor(tokens) > this.freeBlocks()) break
      this.waiting.shift()
      this.admitted.push(request)
      if (!request.everScheduled) request.enter('prefill', nowNs)
      request.everScheduled = true
      budget -= this.schedule(request, tokens)
    }
    return preempted
  }

  private schedule(request: Request, tokens: number): number {
    request.blocks = this.blocksFor(request.length + tokens)
    this.chunks.push({ request, tokens, prefix: request.length })
    return tokens
  }

  private chunkView(timer: StepTimer): ChunkView {
    const listed = [...this.prefilling(), ...this.waiting].slice(0, CHUNK_CANDIDATES)
    const decoders = this.decoders()
    return {
      decodeSequences: decoders.length,
      decodeKvTokens: sum(decoders.map((request) => request.length + 1)),
      splitFactor: this.kept ? this.kept.factor : 1,
      candidates: listed.length,
      remaining: Float64Array.from(listed, (request) => request.target - request.length),
      prefix: Float64Array.from(listed, (request) => request.length),
      maxBatchedTokens: this.config.maxNumBatchedTokens,
      timer,
    }
  }
}

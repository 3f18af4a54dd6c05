/** One engine of the reference simulator: pricing a step and ending it. The clock is a BigInt of picoseconds. */
import type { Arm, SplitBatch } from '../../src/levers/lever.js'
import type { EngineConfig, FabricConfig } from '../../src/simulator/config.js'
import { createStepTimer, type StepTables, type StepTimer } from '../../src/timing/stepTimer.js'
import { decideAtBoundary } from './boundary.js'
import { type Look, type Peers, Rank } from './rank.js'
import type { Request } from './request.js'

export const PS_PER_NS = 1000n

/** Price of a batch under the arm's split policy, relative to the occupancy rule. */
export type PriceSplit = (batch: SplitBatch) => number

/** What the step in progress will have cost and done. */
export interface Step {
  readonly durationPs: number
  readonly gatingAttentionPs: number
  readonly attentionPs: readonly number[]
  readonly isPrefill: boolean
  readonly decodeSequences: number
  /** Tokens that decoding sequences emit in it, and how many one that goes on gains. */
  readonly decodedTokens: number
  readonly gain: number
  readonly inputTokens: number
  readonly outputTokens: number
  readonly usedShare: number
}

/** What began with a step. */
export interface Begun {
  readonly preemptions: number
  readonly migrations: number
  readonly bytes: number
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

export class Engine {
  readonly ranks: Rank[]
  timer: StepTimer
  /** Told to change its role: it takes nothing new. */
  isDraining = false
  clockPs = 0n
  step: Step | null = null
  stepNumber = 0
  /** The last step that has ended. */
  last: Step | null = null
  /** Requests that have no rank yet, where ranks are chosen at step boundaries. */
  queue: Request[] = []
  /** Lengths of the answers completed here. */
  readonly answers: number[] = []

  constructor(
    public config: EngineConfig,
    readonly arm: Arm,
    public priceSplit: PriceSplit,
    readonly index: number,
  ) {
    this.timer = createStepTimer(config.tables)
    const peers: Peers = { ranks: [], admissions: 0 }
    for (let index = 0; index < config.ranks; index++) peers.ranks.push(new Rank(config, index, peers))
    this.ranks = peers.ranks
  }

  isEmpty(): boolean {
    const lists = this.ranks.flatMap(({ waiting, admitted, incoming, arrived, held }) => [
      waiting,
      admitted,
      incoming,
      arrived,
      held,
    ])
    return this.step === null && this.queue.length === 0 && lists.every((list) => list.length === 0)
  }

  /** LAW-32: it takes its other role empty. */
  changeRole(priceSplit: PriceSplit): void {
    if (!this.isEmpty() || !this.isDraining) throw new Error('LAW-32 an engine changes its role with requests inside')
    const other = this.config.switched as EngineConfig
    this.config = { ...other, switched: this.config }
    this.priceSplit = priceSplit
    this.timer = createStepTimer(this.config.tables)
    for (const rank of this.ranks) rank.config = this.config
    this.isDraining = false
  }

  endNs(): number {
    return Number(this.clockPs / PS_PER_NS)
  }

  /** What the token clock shows after this many steps. */
  private tokenClock(steps: number): number {
    return Math.floor((steps * this.config.tokensPer1024Steps) / 1024)
  }

  /**
   * Begins a step at the engine's clock if there is work; `clockPs` becomes the step's end. Requests whose transfer begins are handed
   * to `depart`. Returns the number of preemptions and of moves begun.
   */
  begin(fabric: FabricConfig, depart: (request: Request) => void): Begun {
    const nowNs = this.endNs()
    const gain = this.tokenClock(this.stepNumber + 1) - this.tokenClock(this.stepNumber)
    const { isAsked, ...moved } = decideAtBoundary(this, fabric, nowNs, depart)
    const look = this.look(nowNs)
    for (const rank of this.ranks) rank.joinArrived()
    const roomMade = sum(this.ranks.map((rank) => rank.makeRoom(nowNs, gain)))
    for (const rank of this.ranks) rank.grow(gain)
    for (const rank of this.ranks) rank.cache.trim(rank.freeBlocks())
    const preemptions = roomMade + sum(this.ranks.map((rank) => rank.schedule(nowNs, this.arm.chunk, look, depart)))
    for (const rank of this.ranks) rank.check()
    if (this.ranks.every((rank) => rank.decoding.size === 0 && rank.chunks.length === 0)) {
      for (const rank of this.ranks) rank.decodedInPreviousStep = false
      return { preemptions, ...moved }
    }
    this.stepNumber++
    this.step = this.price(gain, isAsked ? (this.arm.rank.planningPs ?? 0) : 0)
    this.clockPs += BigInt(this.step.durationPs)
    return { preemptions, ...moved }
  }

  /** What the chunk lever sees and decides of the whole engine, as the last step left it. */
  private look(nowNs: number): Look {
    const { hold, paceNs } = this.arm.chunk
    const decoders = this.ranks.flatMap((rank) => rank.decoders())
    const hasPrompt = this.ranks.some((rank) => rank.hasPrompt())
    const dueNs = decoders
      .filter((request) => !Number.isNaN(request.firstTokenNs))
      .map((request) => request.firstTokenNs + request.emitted * (paceNs ?? 0))
    const leastSlackNs =
      hasPrompt && paceNs !== undefined ? Math.min(...dueNs, Number.POSITIVE_INFINITY) - nowNs : Number.POSITIVE_INFINITY
    const view = {
      engine: this.index,
      ranks: this.ranks.length,
      decoding: (rank: number) => this.ranks[rank].decoding.size,
      hasPrompt: (rank: number) => this.ranks[rank].hasPrompt(),
    }
    return { isHeld: hasPrompt && hold?.(view) === true, leastSlackNs, timer: this.timer }
  }

  private price(gain: number, placingPs: number): Step {
    const { timer } = this
    const decode = this.ranks.map((rank) => rank.decoders().length)
    const verified = this.ranks.map((rank) => rank.decoders().length * (rank.drafts() + 1))
    const emitted = this.ranks.flatMap((rank) => rank.decoders()).map((request) => Math.min(gain, request.osl - request.emitted))
    const input = this.ranks.map((rank) => sum(rank.chunks.map((chunk) => chunk.tokens)))
    const ending = this.ranks.map((rank) => rank.chunks.filter((c) => c.prefix + c.tokens === c.request.target).length)
    const attention = this.ranks.map((rank) => this.attentionPs(rank))
    const times = this.ranks.map((rank, r) => {
      const tokens = verified[r] + input[r]
      const emitting = verified[r] + ending[r]
      const local = tokens > 0 ? timer.localPs(tokens) : 0
      const head = emitting > 0 ? timer.headPs(emitting) : 0
      const rows = decode[r] > 0 ? timer.decodeRowsPs(decode[r]) : 0
      return local + head + rows + attention[r] + this.spreadPs(rank)
    })
    const totals = this.ranks.map((_, r) => verified[r] + input[r])
    const { planningPs } = this.arm.split
    const planningOf = (n: number) => Math.round(typeof planningPs === 'number' ? planningPs : planningPs(n))
    const planning = Math.max(...this.ranks.map((rank) => rank.attended().length).map((n) => (n > 0 ? planningOf(n) : 0)))
    const { ranksPerHost, loadPsPerToken } = this.config
    const ofHost = (host: number) =>
      sum(this.ranks.slice(host * ranksPerHost, (host + 1) * ranksPerHost).map((rank) => rank.loadTokens))
    const loadPs = Math.ceil(Math.max(...this.ranks.map((_, host) => ofHost(host))) * loadPsPerToken)
    const exchangePs = timer.exchangePs(Math.max(...totals)) + this.spanPs()
    const common = loadPs + timer.sharedPs(sum(totals)) + exchangePs + planning + placingPs
    return {
      durationPs: timer.tables.hostPs + Math.max(...times) + common,
      gatingAttentionPs: attention[times.indexOf(Math.max(...times))],
      attentionPs: attention,
      isPrefill: this.config.role === 'prefill',
      decodeSequences: sum(decode),
      decodedTokens: sum(emitted),
      gain,
      inputTokens: sum(input),
      outputTokens: sum(emitted) + sum(ending),
      usedShare: Math.max(...this.ranks.map((rank) => rank.usedBlocks())) / this.config.numGpuBlocks,
    }
  }

  /** Both exchanges of all layers, gated by the home with the most further ranks to reach. */
  private spanPs(): number {
    const { layersPs, linkPs } = this.config.span
    const links = Math.max(...this.ranks.map((rank) => sum(rank.decoders().map(({ degree }) => degree - 1))))
    return links === 0 ? 0 : layersPs + Math.round(links * (this.config.draftTokens + 1) * linkPs)
  }

  /** New KV to the further ranks, and the KV before it from there. */
  private spreadPs(rank: Rank): number {
    const spanned = rank.chunks.filter(({ request }) => request.degree > 1)
    const moved = (tokens: number, { degree }: Request) => Math.round(tokens * (1 - 1 / degree) * this.config.span.tokenPs)
    return sum(spanned.map(({ tokens, prefix, request }) => moved(tokens + prefix, request)))
  }

  /** Alone, or the longest and what each next one adds, and all work on prefixes. */
  private prefillPs(chunks: Rank['chunks']): number {
    const one = sum(chunks.map((chunk) => this.timer.prefillPs(chunk.tokens, chunk.prefix)))
    if (chunks.length < 2) return one
    const { together } = this.timer.tables
    if (together === undefined) return one
    const { prefillChunkKnots: lengths, prefillPrefixKnots: prefixes, prefillPs } = this.timer.tables
    const ofPrefixes = sum(chunks.map(({ tokens, prefix }) => between(lengths, prefixes, together.prefixPs, tokens, prefix)))
    const [longest, ...others] = chunks.map(({ tokens }) => tokens).sort((a, b) => b - a)
    const first = between(lengths, prefixes, prefillPs, longest, 0)
    const next = others.map((tokens, i) => nextPs(together, i + 2, tokens))
    return Math.round(
      Math.min(
        one,
        next.reduce((total, ps) => total + ps, ofPrefixes + first),
      ),
    )
  }

  private attentionPs(rank: Rank): number {
    const prefill = this.prefillPs(rank.chunks)
    const whole = rank.attended().map((request) => ({ tokens: request.length + rank.drafts() + 1, degree: request.degree }))
    const lengths = whole.map(({ tokens, degree }) => Math.ceil(tokens / degree))
    const kvTokens = rank.tokensOf(rank.attended(), (request) => request.length + rank.drafts() + 1)
    const decoded = lengths.length > 0
    if (!decoded) {
      rank.decodedInPreviousStep = false
      return prefill
    }
    const attentionPs =
      attentionOf(this.timer.tables, lengths.length, kvTokens, this.splitFactor(rank, lengths, kvTokens)) + prefill
    rank.decodedInPreviousStep = true
    return attentionPs
  }

  private splitFactor(rank: Rank, lengths: readonly number[], kvTokens: number): number {
    const n = lengths.length
    const { kept } = rank
    if (kept && rank.decodedInPreviousStep) {
      const steps = this.stepNumber - kept.step
      const gained = this.tokenClock(this.stepNumber - 1) - this.tokenClock(kept.step - 1)
      const predicted = kept.kvTokens + kept.sequences * gained
      const stale =
        steps >= 32 ||
        (kept.changed && steps >= 10) ||
        20 * Math.abs(n - kept.sequences) > kept.sequences ||
        32 * Math.abs(kvTokens - predicted) > predicted
      if (!stale) return kept.factor
    }
    const sorted = Float64Array.from(lengths).sort()
    const factor = this.priceSplit({ n, lengths: sorted, totalTokens: sum(lengths) })
    rank.kept = { factor, step: this.stepNumber, sequences: n, kvTokens, changed: false }
    return factor
  }

  /** Ends the step in progress; returns it, the requests that completed, in order, and `route`s those that decode elsewhere. */
  end(route: (rank: Rank, request: Request) => void): { step: Step; completed: Request[] } {
    const nowNs = this.endNs()
    const step = this.step as Step
    const completed: Request[] = []
    for (const rank of this.ranks) {
      for (const request of rank.decoders()) {
        request.length += step.gain
        request.stepsHere++
        request.emitted = Math.min(request.emitted + step.gain, request.osl)
        request.deliver(nowNs)
      }
      const ended = rank.decoders().filter((request) => request.emitted === request.osl)
      for (const request of ended.sort((a, b) => a.index - b.index)) {
        // the last token of an answer is never written
        if (this.config.cacheAnswers) rank.share(request, request.isl + request.osl - 1, nowNs)
        completed.push(finish(rank, request, nowNs))
      }
      for (const { request, tokens } of rank.chunks) {
        request.length += tokens
        rank.share(request, request.length, nowNs)
        if (request.length < request.target) continue
        request.emitted++
        if (this.config.role === 'prefill' && request.emitted < request.osl) {
          hold(rank, request)
          route(rank, request)
          continue
        }
        request.deliver(nowNs)
        request.enter('decode', nowNs)
        if (request.emitted === request.osl) completed.push(finish(rank, request, nowNs))
        else rank.join(request)
      }
      rank.chunks = []
    }
    this.step = null
    this.last = step
    return { step, completed }
  }
}

/** Of values on the knots of two axes: between the four knots around the place, or on from the outermost. */
function between(xs: Float64Array, ys: Float64Array, values: Float64Array, x: number, y: number): number {
  const below = (axis: Float64Array, value: number) =>
    Math.min(
      axis.length - 2,
      Math.max(
        0,
        axis.findLastIndex((knot) => knot <= value),
      ),
    )
  const [i, j] = [below(xs, x), below(ys, y)]
  const share = (axis: Float64Array, at: number, value: number) => (value - axis[at]) / (axis[at + 1] - axis[at])
  const along = (row: number) => {
    const [low, high] = [values[row * ys.length + j], values[row * ys.length + j + 1]]
    return low + (high - low) * share(ys, j, y)
  }
  return along(i) + (along(i + 1) - along(i)) * share(xs, i, x)
}

/** What the k-th longest chunk of a call adds: the row of its number, linear in its tokens. */
function nextPs({ counts, lengths, nextPs: rows }: NonNullable<StepTables['together']>, k: number, tokens: number): number {
  const last = counts.length - 2
  const row = Math.min(
    last,
    counts.findIndex((_, i) => i > last || k <= counts[i + 1]),
  )
  const j = Math.min(
    lengths.length - 2,
    Math.max(
      0,
      lengths.findLastIndex((knot) => knot <= tokens),
    ),
  )
  const [low, high] = [rows[row * lengths.length + j], rows[row * lengths.length + j + 1]]
  return low + ((high - low) * (tokens - lengths[j])) / (lengths[j + 1] - lengths[j])
}

/** Decode attention as docs/SEMANTICS.md has it, in BigInt where the numbers are whole. */
function attentionOf(tables: StepTables, n: number, kvTokens: number, factor: number): number {
  const mean = Math.floor(kvTokens / n)
  const rest = kvTokens - n * mean
  let column = 0
  while (column < tables.kernelColumns - 1 && 2 ** (column + 1) <= mean) column++
  const base = tables.kernelBasePs[n * tables.kernelColumns + column]
  const slope = tables.kernelSlopePs[n * tables.kernelColumns + column]
  const grown = BigInt(mean - 2 ** column) * BigInt(Math.round(n * slope * factor))
  const keys = BigInt(kvTokens) * BigInt(tables.keyTokenPs ?? 0)
  return Number(BigInt(Math.round(base * factor)) + grown + BigInt(Math.round(rest * slope * factor)) + keys)
}

/** Its KV stays on the rank, but the request is no longer in the batch. */
function hold(rank: Rank, request: Request): void {
  request.source = rank
  request.sourceBlocks = request.blocks
  request.sourceShared = request.shared
  request.shared = []
  rank.remove(request)
  rank.held.push(request)
}

function finish(rank: Rank, request: Request, nowNs: number): Request {
  rank.remove(request)
  request.leave(nowNs)
  return request
}

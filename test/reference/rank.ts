/** One rank of the reference simulator: its queues, its KV blocks, and the scheduling rules of "A step begins". */
import { CHUNK_CANDIDATES, type ChunkPolicy, type ChunkView } from '../../src/levers/lever.js'
import type { EngineConfig } from '../../src/simulator/config.js'
import type { StepTimer } from '../../src/timing/stepTimer.js'
import { PrefixCache } from './prefix.js'
import type { Request } from './request.js'

export interface Chunk {
  readonly request: Request
  readonly tokens: number
  readonly prefix: number
}

/** What the engine found before its ranks begin a step: whether prompts are held, and what the chunk lever sees of all ranks. */
export interface Look {
  readonly isHeld: boolean
  readonly leastSlackNs: number
  readonly timer: StepTimer
}

/** The split factor kept by a rank, and what it was when it was evaluated. */
export interface KeptFactor {
  factor: number
  step: number
  sequences: number
  kvTokens: number
  changed: boolean
}

/** The ranks that step together, and how often they admitted a request. */
export interface Peers {
  ranks: Rank[]
  admissions: number
}

const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0)

export class Rank {
  waiting: Request[] = []
  /** Requests that hold KV, in order of admission. */
  admitted: Request[] = []
  decoding = new Set<Request>()
  /** Prefilled here and not yet brought away; on their way here; here, to join at the next step. */
  held: Request[] = []
  incoming: Request[] = []
  arrived: Request[] = []
  chunks: Chunk[] = []
  /** Requests with a part of their KV here and their home on another rank. */
  guests: Request[] = []
  kept: KeptFactor | null = null
  decodedInPreviousStep = false
  /** Somebody was preempted for it, or from its list, in this step. */
  crowded = false
  readonly cache: PrefixCache
  /** Tokens whose KV the step loads from the host. */
  loadTokens = 0

  constructor(
    public config: EngineConfig,
    readonly index: number,
    readonly peers: Peers,
  ) {
    this.cache = new PrefixCache(config.hostBlocks)
  }

  /** Draft tokens of a decoding sequence. */
  drafts(): number {
    return this.config.role === 'prefill' ? 0 : this.config.draftTokens
  }

  /** Blocks to hold when the KV has this many tokens, or all that the request will ever need. */
  blocksToHold(request: Request, tokens: number): number {
    if (this.config.kvReservation === 'grow') return this.blocksFor(request, tokens)
    if (this.config.role === 'prefill') return this.blocksFor(request, request.isl)
    return this.blocksFor(request, request.isl + request.osl + 2 * this.drafts())
  }

  /** The ranks over which a request of this home is spread, this one among them. */
  groupOf({ degree }: Request): Rank[] {
    const first = Math.floor(this.index / degree) * degree
    return this.peers.ranks.slice(first, first + degree)
  }

  /** Those of its own batch and of others' with KV here. */
  present(): Request[] {
    const elsewhere = this.peers.ranks.filter((rank) => rank !== this).flatMap((rank) => rank.admitted)
    return [...this.admitted, ...elsewhere.filter((request) => this.guests.includes(request))]
  }

  /** The decoding sequences to whose KV it attends. */
  attended(): Request[] {
    return this.present().filter((request) => this.peers.ranks.some((rank) => rank.decoding.has(request)))
  }

  /** KV tokens here, of each degree a fair share. */
  tokensOf(requests: readonly Request[], length: (request: Request) => number): number {
    const degrees = [...new Set(requests.map((request) => request.degree))]
    const all = (degree: number) => sum(requests.filter((request) => request.degree === degree).map(length))
    return sum(degrees.map((degree) => Math.ceil(all(degree) / degree)))
  }

  decoders(): Request[] {
    return this.admitted.filter((request) => this.decoding.has(request))
  }

  prefilling(): Request[] {
    return this.admitted.filter((request) => !this.decoding.has(request))
  }

  usedBlocks(): number {
    const here = [...this.admitted, ...this.arrived, ...this.incoming, ...this.guests]
    const own = sum(here.map((request) => request.blocks - request.shared.length))
    return own + sum(this.held.map((request) => request.sourceBlocks - request.sourceShared.length)) + this.cache.held()
  }

  /** LAW-23: what is used, cached and free adds up, and the holders of the cached blocks are the requests here. */
  check(): void {
    const here = [...this.admitted, ...this.arrived, ...this.incoming]
    const holders =
      sum(here.map((request) => request.shared.length)) + sum(this.held.map(({ sourceShared }) => sourceShared.length))
    if (this.freeBlocks() < this.cache.idle.length)
      throw new Error(`LAW-23 ${this.cache.idle.length} blocks cached, ${this.freeBlocks()} free`)
    if (sum([...this.cache.holders.values()]) !== holders) throw new Error(`LAW-23 ${holders} blocks held by requests`)
    this.checkSpans()
  }

  /** LAW-27: who has a place in a batch holds KV on as many ranks as its degree says, who waits on none. */
  private checkSpans(): void {
    const inside = [...this.admitted, ...this.arrived, ...this.incoming]
    for (const request of [...inside, ...this.waiting]) {
      const group = this.groupOf(request)
      const holding = this.peers.ranks.filter((rank) => rank.guests.includes(request))
      const due = inside.includes(request) ? group.filter((rank) => rank !== this) : []
      if (group.length !== request.degree || String(holding.map(({ index }) => index)) !== String(due.map(({ index }) => index)))
        throw new Error(`LAW-27 request ${request.index} of degree ${request.degree} holds KV on ${holding.length} further ranks`)
    }
    for (const guest of this.guests)
      if (!this.peers.ranks.some((rank) => [...rank.admitted, ...rank.arrived, ...rank.incoming].includes(guest)))
        throw new Error(`LAW-27 request ${guest.index} has left and holds KV on rank ${this.index}`)
  }

  private names(request: Request): string[] {
    return this.config.prefixCaching && request.degree === 1 ? request.blockNames(this.config.blockSize) : []
  }

  /** Leading blocks that are cached, on the GPUs and then in the host's memory; at least one token is left to compute. */
  private hits(request: Request): string[] {
    const limit = Math.floor((request.target - 1) / this.config.blockSize)
    const here = this.cache.leading(this.names(request), limit)
    return [...here, ...this.cache.inHost(this.names(request), here.length, limit)]
  }

  /** Leading tokens of a request that are cached, as an index knew at `beforeNs`. */
  matchedTokens(request: Request, beforeNs: number): number {
    const { blockSize } = this.config
    const names = this.names(request)
    const limit = Math.floor((request.isl - 1) / blockSize)
    const here = this.cache.leading(names, limit, beforeNs).length
    return (here + this.cache.inHost(names, here, limit).length) * blockSize
  }

  /** Takes blocks of which some are cached, if there are so many. */
  private take(request: Request, blocks: number, hits: string[], nowNs: number): boolean {
    const idle = hits.filter((name) => this.cache.idle.includes(name)).length
    const loaded = hits.filter((name) => this.cache.host.includes(name)).length
    if (blocks - hits.length + loaded + idle > this.freeBlocks()) return false
    const others = this.groupOf(request).filter((rank) => rank !== this)
    if (others.some((rank) => blocks > rank.freeBlocks() || rank.placesTaken() >= this.config.maxNumSeqs)) return false
    for (const rank of others) rank.guests.push(request)
    this.loadTokens += loaded * this.config.blockSize
    if (request.source === null && request.preemptions === 0) request.loadedTokens = loaded * this.config.blockSize
    this.cache.hold(hits, nowNs)
    request.shared = hits
    request.blocks = blocks
    for (const rank of others) rank.cache.trim(rank.freeBlocks())
    return true
  }

  /** Takes over a decoding request, whose KV rank `from` holds until it has come, if there are the blocks. */
  takeFrom(from: Rank, request: Request, nowNs: number): boolean {
    const [target, shared, blocks, tokens] = [request.target, request.shared, request.blocks, request.length]
    request.target = tokens
    request.source = from
    const hits = this.cache.leading(this.names(request), Math.floor((tokens - 1) / this.config.blockSize))
    if (!this.take(request, this.prefillBlocks(request, tokens), hits, nowNs)) {
      request.target = target
      request.source = null
      return false
    }
    from.admitted = from.admitted.filter((other) => other !== request)
    from.decoding.delete(request)
    if (from.kept) from.kept.changed = true
    from.held.push(request)
    request.sourceShared = shared
    request.sourceBlocks = blocks
    request.length = 0
    request.migrations++
    request.enter('stall', nowNs)
    this.incoming.push(request)
    this.cache.trim(this.freeBlocks())
    return true
  }

  /** The KV of a request has come: the rank that it came from lets go of its blocks. */
  receive(request: Request, nowNs: number): void {
    const from = request.source as Rank
    from.held = from.held.filter((other) => other !== request)
    from.cache.release(request.sourceShared)
    request.sourceShared = []
    request.source = null
    this.share(request, request.isl, nowNs)
    this.incoming = this.incoming.filter((other) => other !== request)
    this.arrived.push(request)
    request.enter('decode', nowNs)
  }

  /** The first `tokens` tokens of a request are written here: its whole blocks among them are shared from now on. */
  share(request: Request, tokens: number, nowNs: number): void {
    const fresh = this.names(request).slice(request.shared.length, Math.floor(tokens / this.config.blockSize))
    this.cache.hold(fresh, nowNs)
    request.shared = [...request.shared, ...fresh]
  }

  freeBlocks(): number {
    return this.config.numGpuBlocks - this.usedBlocks()
  }

  kvTokens(): number {
    const length = (request: Request) => request.length + (this.isDecoding(request) ? this.drafts() : 0)
    return this.tokensOf(this.present(), length) + sum(this.held.map((request) => request.target))
  }

  queuedTokens(): number {
    const due = [...this.waiting, ...this.prefilling(), ...this.incoming, ...this.arrived]
    return sum(due.map((request) => request.target - request.length))
  }

  /** Sequences that take part in a step, or will take part when their KV is here. */
  batchSize(): number {
    return this.admitted.length + this.incoming.length + this.arrived.length
  }

  placesTaken(): number {
    return this.batchSize() + this.guests.length
  }

  private isDecoding(request: Request): boolean {
    return this.peers.ranks.some((rank) => rank.decoding.has(request))
  }

  blocksFor({ degree }: Request, tokens: number): number {
    return Math.ceil(tokens / (this.config.blockSize * degree))
  }

  /** Whether a prompt is being computed here, or heads the queue and would find a place in the batch. */
  hasPrompt(): boolean {
    if (this.prefilling().length > 0) return true
    return this.waiting.length > 0 && this.waiting[0].source === null && this.placesTaken() < this.config.maxNumSeqs
  }

  /** Takes out of the rank a request that holds KV. */
  remove(request: Request): void {
    this.admitted = this.admitted.filter((other) => other !== request)
    if (this.decoding.delete(request)) this.batchChanged(request)
    for (const rank of this.groupOf(request)) rank.guests = rank.guests.filter((other) => other !== request)
    this.cache.release(request.shared)
    request.shared = []
    request.blocks = 0
    request.length = 0
  }

  join(request: Request): void {
    this.decoding.add(request)
    request.stepsHere = 0
    this.batchChanged(request)
  }

  private batchChanged(request: Request): void {
    for (const rank of this.groupOf(request)) if (rank.kept) rank.kept.changed = true
  }

  /** The request joins the batch as its most recent one. */
  admit(request: Request, at: number): void {
    this.admitted.splice(at, 0, request)
    request.admission = ++this.peers.admissions
  }

  /** The last of the list, or a request of a degree above 1 with KV here that was admitted after it. */
  mostRecent(): Request {
    const own = this.admitted.slice(-1)
    const spanned = this.present().filter((request) => request.degree > 1)
    return [...own, ...spanned].reduce((latest, request) => (request.admission > latest.admission ? request : latest))
  }

  preempt(victim: Request, nowNs: number): void {
    this.remove(victim)
    victim.target = victim.isl + victim.emitted
    victim.preemptions++
    victim.enter('stall', nowNs)
    this.waiting.unshift(victim)
  }

  /** A step begins. What has arrived joins the decoding set. */
  joinArrived(): void {
    this.chunks = []
    this.loadTokens = 0
    this.crowded = false
    for (const request of this.arrived) {
      request.length = request.target
      this.admit(request, this.admitted.length - this.prefilling().length)
      this.join(request)
    }
    this.arrived = []
  }

  /** New blocks here when every decoding sequence gains `gain` tokens. */
  private growth(gain: number): number {
    const due = (request: Request) => this.blocksToHold(request, request.length + this.drafts() + gain) - request.blocks
    return sum(this.attended().map(due))
  }

  /** Preempts until the others can grow. Returns how many. */
  makeRoom(nowNs: number, gain: number): number {
    let preempted = 0
    while (this.growth(gain) > this.freeBlocks()) {
      const victim = this.mostRecent()
      const home = this.peers.ranks.find((rank) => rank.admitted.includes(victim)) as Rank
      home.preempt(victim, nowNs)
      this.crowded = true
      home.crowded = true
      preempted++
    }
    return preempted
  }

  grow(gain: number): void {
    for (const request of this.decoders()) request.blocks = this.blocksToHold(request, request.length + this.drafts() + gain)
  }

  /** Fills `chunks` and takes their blocks; where prompts are held none is begun. Requests whose transfer begins are handed to `depart`. Returns the number of preemptions. */
  schedule(nowNs: number, policy: ChunkPolicy, look: Look, depart: (request: Request) => void): number {
    let preempted = 0
    const head = this.waiting[0]
    const isAsked = this.prefilling().length > 0 || (head !== undefined && head.source === null && !look.isHeld)
    const verified = this.decoding.size * (this.drafts() + 1)
    let budget = isAsked ? Math.min(policy.prefillTokens(this.chunkView(look)), this.config.maxNumBatchedTokens - verified) : 0
    for (const request of this.prefilling()) {
      if (budget <= 0 || !this.admitted.includes(request)) break
      const tokens = Math.min(request.target - request.length, budget)
      const blocks = this.prefillBlocks(request, request.length + tokens)
      while (this.admitted.includes(request) && blocks - request.blocks > this.freeBlocks()) {
        const isNewest = this.admitted[this.admitted.length - 1] === request
        if (isNewest && this.config.role === 'prefill') return preempted
        this.preempt(this.admitted[this.admitted.length - 1], nowNs)
        preempted++
      }
      if (!this.admitted.includes(request)) break
      budget -= this.compute(request, tokens)
    }
    while (preempted === 0 && !this.crowded && this.waiting.length > 0 && this.placesTaken() < this.config.maxNumSeqs) {
      const request = this.waiting[0]
      if (look.isHeld && request.source === null) break
      const hits = this.hits(request)
      const hit = hits.length * this.config.blockSize
      const tokens = request.source === null ? Math.min(request.target - hit, budget) : request.isl - hit
      if (tokens === 0) break
      if (!this.take(request, this.prefillBlocks(request, hit + tokens), hits, nowNs)) break
      this.waiting.shift()
      if (request.source === null) {
        this.admit(request, this.admitted.length)
        request.length = hit
        if (request.preemptions === 0) request.cachedTokens = hit
        if (!request.everScheduled) request.enter('prefill', nowNs)
        request.everScheduled = true
        budget -= this.compute(request, tokens)
      } else {
        this.incoming.push(request)
        request.enter('transfer', nowNs)
        depart(request)
      }
      this.cache.trim(this.freeBlocks())
    }
    return preempted
  }

  /** Blocks once this many tokens of the prompt are here; the drafts' come with the last of them. */
  private prefillBlocks(request: Request, tokens: number): number {
    const due = request.degree > 1 ? request.target : tokens
    return this.blocksToHold(request, due + (due === request.target ? this.drafts() : 0))
  }

  private compute(request: Request, tokens: number): number {
    request.blocks = this.prefillBlocks(request, request.length + tokens)
    this.cache.trim(this.freeBlocks())
    this.chunks.push({ request, tokens, prefix: request.length })
    return tokens
  }

  private chunkView({ timer, leastSlackNs }: Look): ChunkView {
    const unfilled = this.waiting.filter((request) => request.source === null)
    const listed = [...this.prefilling(), ...unfilled].slice(0, CHUNK_CANDIDATES)
    const attended = this.attended()
    // what a waiting request will find in the cache
    const found = (request: Request) => (this.admitted.includes(request) ? 0 : this.hits(request).length * this.config.blockSize)
    return {
      decodeSequences: attended.length,
      decodeKvTokens: this.tokensOf(attended, (request) => request.length + this.drafts() + 1),
      decodeTokens: this.decoding.size * (this.drafts() + 1),
      splitFactor: this.kept ? this.kept.factor : 1,
      candidates: listed.length,
      remaining: Float64Array.from(listed, (request) => request.target - request.length - found(request)),
      prefix: Float64Array.from(listed, (request) => request.length + found(request)),
      maxBatchedTokens: this.config.maxNumBatchedTokens,
      leastSlackNs,
      timer,
    }
  }
}

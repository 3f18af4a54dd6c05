/**
 * The prefix caches of all ranks (docs/SEMANTICS.md, "Prefix cache"). Blocks of consecutive ids that have the same holders are one node, so
 * the work of a request is proportional to its runs and to the nodes they touch, not to its blocks. Whoever holds a block holds all before
 * it, so the cached blocks are closed under "before", and so are the held ones; a node is cut in two where holders part.
 *
 * Eviction is late: `freeBlocks` of a rank counts the blocks that nobody holds, cached or not, and `settle` evicts what no longer fits
 * in them. It must be called before the cache of the rank is read or changed, and before its free blocks grow.
 */
import type { EngineConfig } from './config.js'
import { PrefixRuns } from './prefixRuns.js'

const FIRST_NODES = 64

export class PrefixCache {
  readonly runs = new PrefixRuns()
  /** Tokens per block of the trace, 0 before the first request with ids. */
  readonly traceBlocks = new Int32Array(1)
  /** Engine blocks of a trace block, and trace blocks of an engine block, by rank; 0 = the rank does not cache. */
  readonly parts: Int32Array
  readonly stride: Int32Array
  // --- nodes: id of the first block, blocks, holders, rank
  first = new Float64Array(0)
  length = new Int32Array(0)
  holders = new Int32Array(0)
  rank = new Int32Array(0)
  /** When the blocks became cached; within a node all in the same period of every router's index. */
  since = new Float64Array(0)
  /** Neighbours in the order of release of nodes without holders: the oldest is evicted first, its last block first. `newer` also links the free nodes. */
  older = new Int32Array(0)
  newer = new Int32Array(0)
  /** Nodes by (rank, first id): heads of chains, a power of two, and the next of the chain. */
  buckets = new Int32Array(0)
  chain = new Int32Array(0)
  /** First of the free nodes. */
  free = Int32Array.of(-1)
  // --- ranks
  readonly oldest: Int32Array
  readonly newest: Int32Array
  /** Cached blocks that nobody holds. */
  readonly idle: Int32Array
  /** Blocks evicted so far. */
  readonly evicted: Float64Array
  /** Of the last `match`: blocks without a holder; of the last `publish`: blocks that somebody else held already. */
  matchedIdle = 0
  merged = 0
  /** List and length of the request that is being routed, for the views of the levers. */
  routed = -1
  routedTokens = 0
  /** Periods of the indices of routers, ns: none when they know of every block at once. */
  ages: readonly number[] = []
  #path = new Int32Array(FIRST_NODES)

  constructor(
    readonly engines: readonly EngineConfig[],
    readonly engineOf: Int32Array,
  ) {
    const ranks = engineOf.length
    this.parts = new Int32Array(ranks)
    this.stride = new Int32Array(ranks)
    this.oldest = new Int32Array(ranks).fill(-1)
    this.newest = new Int32Array(ranks).fill(-1)
    this.idle = new Int32Array(ranks)
    this.evicted = new Float64Array(ranks)
    this.#grow()
  }

  /** Tokens per block of the trace; divides the block size of every engine that caches, or is divided by it. */
  setTraceBlocks(tokens: number): void {
    this.traceBlocks[0] = tokens
    for (let g = 0; g < this.parts.length; g++) {
      const { prefixCaching, blockSize } = this.engines[this.engineOf[g]]
      this.parts[g] = prefixCaching ? Math.max(1, tokens / blockSize) : 0
      this.stride[g] = prefixCaching ? Math.max(1, blockSize / tokens) : 0
    }
  }

  /** Leading blocks of `list` that are cached on rank g, at most `limit`, and were so before `beforeNs`. */
  match(g: number, list: number, limit: number, beforeNs = Number.POSITIVE_INFINITY): number {
    let matched = 0
    this.matchedIdle = 0
    if (list < 0) return 0
    const { runs, length, holders, since } = this
    runs.start(list, this.parts[g], this.stride[g])
    while (matched < limit && runs.advance()) {
      let { id } = runs
      for (let left = Math.min(runs.blocks, limit - matched); left > 0; ) {
        const node = this.#find(g, id)
        if (node < 0 || since[node] >= beforeNs) return matched
        const common = Math.min(left, length[node])
        if (holders[node] === 0) this.matchedIdle += common
        matched += common
        left -= common
        id += common * runs.stride
      }
    }
    return matched
  }

  /** A request holds the leading `blocks` blocks of its list from now on; all are cached. */
  hold(g: number, list: number, blocks: number): void {
    const { runs } = this
    runs.start(list, this.parts[g], this.stride[g])
    for (let due = blocks; due > 0 && runs.advance(); ) {
      let { id } = runs
      for (let left = Math.min(runs.blocks, due); left > 0; ) {
        const common = this.#holdNode(g, this.#find(g, id), left)
        left -= common
        due -= common
        id += common * runs.stride
      }
    }
  }

  /**
   * The holder of the first `from` blocks of the list has computed those up to `to` at `nowNs`: they are cached, and held by it. Where one is cached
   * already the request goes on with that, and its own copy is free. Returns the blocks held, fewer than `to` where the list ends.
   */
  publish(g: number, list: number, from: number, to: number, nowNs: number): number {
    this.merged = 0
    if (list < 0 || to <= from) return from
    const { runs } = this
    let at = 0
    let last = -1
    runs.start(list, this.parts[g], this.stride[g])
    while (at < to && runs.advance()) {
      let { id } = runs
      for (let left = Math.min(runs.blocks, to - at); left > 0; ) {
        let node = this.#find(g, id)
        let common = left
        if (at < from) common = this.length[node]
        else if (node >= 0) {
          if (this.holders[node] > 0) this.merged += Math.min(left, this.length[node])
          common = this.#holdNode(g, node, left)
        } else {
          // nothing after a block that is not cached is cached
          if (last >= 0 && this.#mayGrow(last, id, nowNs)) {
            this.length[last] += left
            node = last
          } else node = this.#make(g, id, left, 1, nowNs)
        }
        last = node
        at += common
        left -= common
        id += common * runs.stride
      }
    }
    return at
  }

  /** A request lets go of the leading `blocks` blocks of its list. Returns how many nobody holds now; they go last block first. */
  release(g: number, list: number, blocks: number): number {
    const { runs, length, holders } = this
    let nodes = 0
    runs.start(list, this.parts[g], this.stride[g])
    for (let due = blocks; due > 0 && runs.advance(); ) {
      let { id } = runs
      for (let left = Math.min(runs.blocks, due); left > 0; ) {
        const node = this.#find(g, id)
        if (nodes === this.#path.length) this.#path = wider(this.#path)
        this.#path[nodes++] = node
        left -= length[node]
        due -= length[node]
        id += length[node] * runs.stride
      }
    }
    let idle = 0
    while (nodes > 0) {
      const node = this.#path[--nodes]
      if (--holders[node] > 0) continue
      idle += length[node]
      this.#link(node, this.newest[g], -1)
    }
    this.idle[g] += idle
    return idle
  }

  /** Evicts what does not fit in `freeBlocks` blocks that nobody holds. */
  settle(g: number, freeBlocks: number): void {
    while (this.idle[g] > freeBlocks) {
      const node = this.oldest[g]
      const gone = Math.min(this.length[node], this.idle[g] - freeBlocks)
      this.length[node] -= gone
      this.idle[g] -= gone
      this.evicted[g] += gone
      if (this.length[node] > 0) continue
      this.#unlink(node)
      this.#forget(node)
    }
  }

  /** Whether a block cached now continues a node, with the same holder and in the same periods. */
  #mayGrow(node: number, id: number, nowNs: number): boolean {
    if (this.holders[node] !== 1 || this.first[node] + this.length[node] * this.runs.stride !== id) return false
    for (const age of this.ages) if (Math.floor(this.since[node] / age) !== Math.floor(nowNs / age)) return false
    return true
  }

  /** One more holder of the first blocks of a node, at most `most`; returns how many these are. */
  #holdNode(g: number, node: number, most: number): number {
    if (this.length[node] > most) this.#cut(g, node, most)
    const blocks = this.length[node]
    if (this.holders[node]++ === 0) {
      this.#unlink(node)
      this.idle[g] -= blocks
    }
    return blocks
  }

  /** Cuts a node after its first `blocks` blocks. */
  #cut(g: number, node: number, blocks: number): void {
    const first = this.first[node] + blocks * this.stride[g]
    const rest = this.#make(g, first, this.length[node] - blocks, this.holders[node], this.since[node])
    this.length[node] = blocks
    // what comes later in a prompt is evicted earlier
    if (this.holders[node] === 0) this.#link(rest, this.older[node], node)
  }

  #make(g: number, id: number, blocks: number, holders: number, sinceNs: number): number {
    if (this.free[0] < 0) this.#grow()
    const node = this.free[0]
    this.free[0] = this.newer[node]
    this.first[node] = id
    this.length[node] = blocks
    this.holders[node] = holders
    this.rank[node] = g
    this.since[node] = sinceNs
    this.#enter(node)
    return node
  }

  #forget(node: number): void {
    const bucket = this.#bucket(this.rank[node], this.first[node])
    let before = this.buckets[bucket]
    if (before === node) this.buckets[bucket] = this.chain[node]
    else {
      while (this.chain[before] !== node) before = this.chain[before]
      this.chain[before] = this.chain[node]
    }
    this.newer[node] = this.free[0]
    this.free[0] = node
  }

  #find(g: number, id: number): number {
    const { first, rank, chain } = this
    let node = this.buckets[this.#bucket(g, id)]
    while (node >= 0 && (first[node] !== id || rank[node] !== g)) node = chain[node]
    return node
  }

  /** Multiplicative hashing by the golden ratio (Knuth), of the id's low 32 bits and the rank. */
  #bucket(g: number, id: number): number {
    const hash = Math.imul((id | 0) ^ Math.imul(g + 1, 0x85ebca6b), 0x9e3779b1)
    return (hash ^ (hash >>> 15)) & (this.buckets.length - 1)
  }

  #enter(node: number): void {
    const bucket = this.#bucket(this.rank[node], this.first[node])
    this.chain[node] = this.buckets[bucket]
    this.buckets[bucket] = node
  }

  /** Puts a node without holders between two neighbours in the order of release (-1: none). */
  #link(node: number, older: number, newer: number): void {
    const g = this.rank[node]
    this.older[node] = older
    this.newer[node] = newer
    if (older < 0) this.oldest[g] = node
    else this.newer[older] = node
    if (newer < 0) this.newest[g] = node
    else this.older[newer] = node
  }

  #unlink(node: number): void {
    const g = this.rank[node]
    const older = this.older[node]
    const newer = this.newer[node]
    if (older < 0) this.oldest[g] = newer
    else this.newer[older] = newer
    if (newer < 0) this.newest[g] = older
    else this.older[newer] = older
  }

  /** Doubles the nodes and the buckets. */
  #grow(): void {
    const used = this.length.length
    const capacity = Math.max(FIRST_NODES, used * 2)
    for (const key of ['first', 'since'] as const) {
      const column = new Float64Array(capacity)
      column.set(this[key])
      this[key] = column
    }
    for (const key of ['length', 'holders', 'rank', 'older', 'newer', 'chain'] as const) {
      const column = new Int32Array(capacity)
      column.set(this[key])
      this[key] = column
    }
    this.buckets = new Int32Array(capacity).fill(-1)
    for (let node = 0; node < used; node++) this.#enter(node)
    for (let node = used; node < capacity; node++) this.newer[node] = node + 1 < capacity ? node + 1 : -1
    this.free[0] = used
  }
}

function wider(column: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(column.length * 2)
  grown.set(column)
  return grown
}

/**
 * The prefix caches of all ranks (docs/SEMANTICS.md, "Prefix cache"). Blocks of consecutive ids that have the same holders are one node, so
 * the work of a request is proportional to its runs and to the nodes they touch, not to its blocks. Whoever holds a block holds all before
 * it, so the cached blocks are closed under "before", and so are the held ones; a node is cut in two where holders part.
 *
 * Eviction is late: `freeBlocks` of a rank counts the blocks that nobody holds, cached or not, and `settle` evicts what no longer fits
 * in them. It must be called before the cache of the rank is read or changed, and before its free blocks grow.
 */
import { grown } from '../collections/grow.js'
import { BlockNodes } from './blockNodes.js'
import type { EngineConfig } from './config.js'
import { HostTier } from './hostTier.js'
import { PrefixRuns } from './prefixRuns.js'

export class PrefixCache {
  readonly runs = new PrefixRuns()
  /** Second tier in the memory of the hosts; null where no engine has one. */
  readonly host: HostTier | null
  /** Tokens per block of the trace, 0 before the first request with ids. */
  readonly traceBlocks = new Int32Array(1)
  /** Engine blocks of a trace block, and trace blocks of an engine block, by rank; 0 = the rank does not cache. */
  readonly parts: Int32Array
  readonly stride: Int32Array
  /** Those without holders stand in the order in which they were let go. */
  readonly nodes: BlockNodes
  // --- ranks
  /** Cached blocks that nobody holds. */
  readonly idle: Int32Array
  /** Blocks evicted so far. */
  readonly evicted: Float64Array
  /** Of the last `match`: blocks without a holder; of the last `publish`: blocks that somebody else held already. */
  matchedIdle = 0
  merged = 0
  /** Of the last `matchHost`. */
  matchedHost = 0
  /** List and length of the request that is being routed, for the views of the levers. */
  routed = -1
  routedTokens = 0
  /** Periods of the indices of routers, ns: none when they know of every block at once. */
  ages: readonly number[] = []
  /** What stands before each id that was fed: 0 = not fed, else the id before it + 2 (1 = none). Dropped when the input ends, and no part of a snapshot. */
  readonly chains = { before: new Float64Array(0) }
  #path = new Int32Array(64)

  constructor(
    readonly engines: readonly EngineConfig[],
    readonly engineOf: Int32Array,
  ) {
    const ranks = engineOf.length
    this.parts = new Int32Array(ranks)
    this.stride = new Int32Array(ranks)
    this.nodes = new BlockNodes(ranks)
    const capacity = Int32Array.from(engineOf, (e) => engines[e].hostBlocks)
    this.host = capacity.some((blocks) => blocks > 0) ? new HostTier(this.runs, capacity) : null
    this.idle = new Int32Array(ranks)
    this.evicted = new Float64Array(ranks)
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
    const { runs, nodes } = this
    const { length, holders, since } = nodes
    runs.start(list, this.parts[g], this.stride[g])
    while (matched < limit && runs.advance()) {
      let { id } = runs
      for (let left = Math.min(runs.blocks, limit - matched); left > 0; ) {
        const node = nodes.find(g, id)
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

  /** How many more blocks follow in the second tier after the `from` that are cached, up to number `limit`. */
  matchHost(g: number, list: number, from: number, limit: number): number {
    const { host, parts, stride } = this
    this.matchedHost = host === null || from >= limit ? 0 : host.match(g, list, parts[g], stride[g], from, limit - from)
    return this.matchedHost
  }

  /** A request holds the leading `blocks` blocks of its list from now on; all are cached. */
  hold(g: number, list: number, blocks: number): void {
    const { runs, nodes } = this
    runs.start(list, this.parts[g], this.stride[g])
    for (let due = blocks; due > 0 && runs.advance(); ) {
      let { id } = runs
      for (let left = Math.min(runs.blocks, due); left > 0; ) {
        const common = this.#holdNode(g, nodes.find(g, id), left)
        left -= common
        due -= common
        id += common * runs.stride
      }
    }
  }

  /**
   * The holder of the first `from` blocks of the list has computed or loaded those up to `to` at `nowNs`: they are cached, and held by it. Where one is cached
   * already the request goes on with that, and its own copy is free. Returns the blocks held, fewer than `to` where the list ends.
   */
  publish(g: number, list: number, from: number, to: number, nowNs: number): number {
    this.merged = 0
    if (list < 0 || to <= from) return from
    const { runs, nodes } = this
    let at = 0
    let last = -1
    let firstNew = to
    runs.start(list, this.parts[g], this.stride[g])
    while (at < to && runs.advance()) {
      let { id } = runs
      for (let left = Math.min(runs.blocks, to - at); left > 0; ) {
        let node = nodes.find(g, id)
        let common = left
        if (at < from) common = nodes.length[node]
        else if (node >= 0) {
          if (nodes.holders[node] > 0) this.merged += Math.min(left, nodes.length[node])
          common = this.#holdNode(g, node, left)
        } else {
          // nothing after a block that is not cached is cached
          if (at < firstNew) firstNew = at
          if (last >= 0 && this.#mayGrow(last, id, nowNs)) {
            nodes.length[last] += left
            node = last
          } else node = nodes.make(g, id, left, 1, nowNs)
        }
        last = node
        at += common
        left -= common
        id += common * runs.stride
      }
    }
    // a block is in one tier at a time
    this.host?.take(g, list, this.parts[g], this.stride[g], firstNew, at)
    return at
  }

  /** A request lets go of the leading `blocks` blocks of its list. Returns how many nobody holds now; they go last block first. */
  release(g: number, list: number, blocks: number): number {
    const { runs, nodes } = this
    const { length, holders } = nodes
    let passed = 0
    runs.start(list, this.parts[g], this.stride[g])
    for (let due = blocks; due > 0 && runs.advance(); ) {
      let { id } = runs
      for (let left = Math.min(runs.blocks, due); left > 0; ) {
        const node = nodes.find(g, id)
        if (passed === this.#path.length) this.#path = grown(this.#path)
        this.#path[passed++] = node
        left -= length[node]
        due -= length[node]
        id += length[node] * runs.stride
      }
    }
    let idle = 0
    while (passed > 0) {
      const node = this.#path[--passed]
      if (--holders[node] > 0) continue
      idle += length[node]
      nodes.link(node, nodes.newest[g], -1)
    }
    this.idle[g] += idle
    return idle
  }

  /** Evicts what does not fit in `freeBlocks` blocks that nobody holds. */
  settle(g: number, freeBlocks: number): void {
    const { nodes, host } = this
    const { first, length } = nodes
    while (this.idle[g] > freeBlocks) {
      const node = nodes.oldest[g]
      const gone = Math.min(length[node], this.idle[g] - freeBlocks)
      length[node] -= gone
      this.idle[g] -= gone
      this.evicted[g] += gone
      if (host !== null) host.put(g, first[node], length[node], gone, this.stride[g])
      if (length[node] > 0) continue
      nodes.unlink(node)
      nodes.forget(node)
    }
  }

  /** Whether a block cached now continues a node, with the same holder and in the same periods. */
  #mayGrow(node: number, id: number, nowNs: number): boolean {
    const { first, length, holders, since } = this.nodes
    if (holders[node] !== 1 || first[node] + length[node] * this.runs.stride !== id) return false
    for (const age of this.ages) if (Math.floor(since[node] / age) !== Math.floor(nowNs / age)) return false
    return true
  }

  /** One more holder of the first blocks of a node, at most `most`; returns how many these are. */
  #holdNode(g: number, node: number, most: number): number {
    const { nodes } = this
    if (nodes.length[node] > most) {
      const rest = nodes.cut(node, most, this.stride[g])
      // what comes later in a prompt is evicted earlier
      if (nodes.holders[node] === 0) nodes.link(rest, nodes.older[node], node)
    }
    const blocks = nodes.length[node]
    if (nodes.holders[node]++ === 0) {
      nodes.unlink(node)
      this.idle[g] -= blocks
    }
    return blocks
  }
}

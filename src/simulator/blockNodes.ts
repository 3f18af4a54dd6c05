/**
 * Cached blocks of ranks as nodes: runs of consecutive ids (see prefixRuns.ts) that are held, kept and evicted alike. A node is found by
 * its rank and the id of its first block. Per rank there is one order of nodes, the oldest first.
 */
const FIRST_NODES = 64

export class BlockNodes {
  /** Id of the first block; blocks; holders; rank. */
  first = new Float64Array(0)
  length = new Int32Array(0)
  holders = new Int32Array(0)
  rank = new Int32Array(0)
  /** When the blocks became cached, ns. */
  since = new Float64Array(0)
  /** Neighbours in the order of their rank; `newer` also links the free nodes. */
  older = new Int32Array(0)
  newer = new Int32Array(0)
  /** Heads of the chains of nodes with the same hash, a power of two, and the next of a chain. */
  buckets = new Int32Array(0)
  chain = new Int32Array(0)
  /** First of the free nodes. */
  free = Int32Array.of(-1)
  readonly oldest: Int32Array
  readonly newest: Int32Array

  constructor(ranks: number) {
    this.oldest = new Int32Array(ranks).fill(-1)
    this.newest = new Int32Array(ranks).fill(-1)
    this.#grow()
  }

  /** The node of rank g that begins with this id, or -1. */
  find(g: number, id: number): number {
    const { first, rank, chain } = this
    let node = this.buckets[this.#bucket(g, id)]
    while (node >= 0 && (first[node] !== id || rank[node] !== g)) node = chain[node]
    return node
  }

  make(g: number, id: number, blocks: number, holders: number, sinceNs: number): number {
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

  /** Cuts a node after its first `blocks` blocks; returns the node of the rest, which stands nowhere in the order. */
  cut(node: number, blocks: number, stride: number): number {
    const first = this.first[node] + blocks * stride
    const rest = this.make(this.rank[node], first, this.length[node] - blocks, this.holders[node], this.since[node])
    this.length[node] = blocks
    return rest
  }

  /** Frees a node that stands nowhere in the order. */
  forget(node: number): void {
    this.#leave(node)
    this.newer[node] = this.free[0]
    this.free[0] = node
  }

  /** The node begins with another id from now on, and so many blocks longer. */
  extendFront(node: number, id: number, blocks: number): void {
    this.#leave(node)
    this.first[node] = id
    this.length[node] += blocks
    this.#enter(node)
  }

  /** Puts a node between two neighbours in the order of its rank (-1: none). */
  link(node: number, older: number, newer: number): void {
    const g = this.rank[node]
    this.older[node] = older
    this.newer[node] = newer
    if (older < 0) this.oldest[g] = node
    else this.newer[older] = node
    if (newer < 0) this.newest[g] = node
    else this.older[newer] = node
  }

  unlink(node: number): void {
    const g = this.rank[node]
    const older = this.older[node]
    const newer = this.newer[node]
    if (older < 0) this.oldest[g] = newer
    else this.newer[older] = newer
    if (newer < 0) this.newest[g] = older
    else this.older[newer] = older
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

  #leave(node: number): void {
    const bucket = this.#bucket(this.rank[node], this.first[node])
    let before = this.buckets[bucket]
    if (before === node) this.buckets[bucket] = this.chain[node]
    else {
      while (this.chain[before] !== node) before = this.chain[before]
      this.chain[before] = this.chain[node]
    }
  }

  /** Doubles the nodes and the buckets; all nodes are in use. */
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

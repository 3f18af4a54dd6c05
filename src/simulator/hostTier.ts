/**
 * The second tier of the prefix caches: blocks that were evicted from a rank's GPUs and wait in the memory of their hosts, the oldest to be
 * dropped first. A block is in one tier at a time, so a block whose predecessor is on the GPUs begins a node here.
 */
import { BlockNodes } from './blockNodes.js'
import type { PrefixRuns } from './prefixRuns.js'

export class HostTier {
  readonly nodes: BlockNodes
  /** Blocks here, by rank. */
  readonly used: Int32Array
  /** First block of the GPU node from which the newest node here comes. */
  readonly origin: Float64Array

  constructor(
    readonly runs: PrefixRuns,
    /** Blocks of each rank that fit; 0 = it has no second tier. */
    readonly capacity: Int32Array,
  ) {
    this.nodes = new BlockNodes(capacity.length)
    this.used = new Int32Array(capacity.length)
    this.origin = new Float64Array(capacity.length)
  }

  /** Takes in the `blocks` blocks that have just been cut off the end of a GPU node, which begins with `first` and keeps `kept` blocks. */
  put(g: number, first: number, kept: number, blocks: number, stride: number): void {
    if (this.capacity[g] === 0) return
    const { nodes } = this
    const id = first + kept * stride
    const newest = nodes.newest[g]
    if (newest >= 0 && this.origin[g] === first && nodes.first[newest] === id + blocks * stride)
      nodes.extendFront(newest, id, blocks)
    else nodes.link(nodes.make(g, id, blocks, 0, 0), newest, -1)
    this.origin[g] = first
    this.used[g] += blocks
    while (this.used[g] > this.capacity[g]) {
      const node = nodes.oldest[g]
      const gone = Math.min(nodes.length[node], this.used[g] - this.capacity[g])
      nodes.length[node] -= gone
      this.used[g] -= gone
      if (nodes.length[node] === 0) this.#drop(node)
    }
  }

  /** Blocks of the list from number `from` on that are here in a row, at most `limit`. */
  match(g: number, list: number, parts: number, stride: number, from: number, limit: number): number {
    const { runs, nodes } = this
    let matched = 0
    if (this.used[g] === 0 || !runs.seek(list, parts, stride, from)) return 0
    do {
      let { id } = runs
      for (let left = Math.min(runs.blocks, limit - matched); left > 0; ) {
        const node = nodes.find(g, id)
        if (node < 0) return matched
        const common = Math.min(left, nodes.length[node])
        matched += common
        left -= common
        id += common * stride
      }
    } while (matched < limit && runs.advance())
    return matched
  }

  /** The blocks of the list from number `from` to `to` are on the GPUs from now on; those that are here leave. */
  take(g: number, list: number, parts: number, stride: number, from: number, to: number): void {
    const { runs, nodes } = this
    if (this.used[g] === 0 || from >= to || !runs.seek(list, parts, stride, from)) return
    this.origin[g] = -1
    let due = to - from
    do {
      let { id } = runs
      for (let left = Math.min(runs.blocks, due); left > 0; ) {
        const node = nodes.find(g, id)
        // what follows a block that is in neither tier is in neither
        if (node < 0) return
        if (nodes.length[node] > left) nodes.link(nodes.cut(node, left, stride), nodes.older[node], node)
        const common = nodes.length[node]
        this.used[g] -= common
        this.#drop(node)
        due -= common
        left -= common
        id += common * stride
      }
    } while (due > 0 && runs.advance())
  }

  #drop(node: number): void {
    this.nodes.unlink(node)
    this.nodes.forget(node)
  }
}

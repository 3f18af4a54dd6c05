/** The prefix cache of one rank of the reference simulator: one entry a block, and the order of release as a list. */
import { blockIdsOf } from '../../src/traces/blocks.js'
import type { Workload } from '../../src/traces/workload.js'

/** Names of the whole engine blocks of a request: the trace block that holds the last token, and which of the engine blocks ending there. */
export function blockNames(workload: Workload, index: number, blockSize: number): string[] {
  const ids = blockIdsOf(workload, index)
  const names: string[] = []
  for (let last = blockSize - 1; ; last += blockSize) {
    const at = Math.floor(last / workload.blockTokens)
    if (!(at < ids.length)) return names
    const part = blockSize < workload.blockTokens ? names.length % (workload.blockTokens / blockSize) : 0
    names.push(`${ids[at]}/${part}`)
  }
}

export class PrefixCache {
  /** Holders of each cached block. */
  readonly holders = new Map<string, number>()
  /** When each became cached, ns. */
  readonly since = new Map<string, number>()
  /** Cached blocks that nobody holds, the next to be evicted first. */
  idle: string[] = []
  evicted = 0
  /** Blocks in the memory of the host, the next to be dropped first. */
  host: string[] = []

  constructor(readonly hostBlocks: number) {}

  /** Names of the leading blocks that were cached before `beforeNs` and still are. */
  leading(names: readonly string[], limit: number, beforeNs = Number.POSITIVE_INFINITY): string[] {
    const miss = names.findIndex((name) => !((this.since.get(name) ?? Number.POSITIVE_INFINITY) < beforeNs))
    return names.slice(0, Math.min(limit, miss < 0 ? names.length : miss))
  }

  /** Names of the blocks from number `from` on that are in the host's memory, in a row, up to number `limit`. */
  inHost(names: readonly string[], from: number, limit: number): string[] {
    const wanted = names.slice(from, limit)
    const miss = wanted.findIndex((name) => !this.host.includes(name))
    return miss < 0 ? wanted : wanted.slice(0, miss)
  }

  hold(names: readonly string[], nowNs: number): void {
    for (const name of names) if (!this.holders.has(name)) this.since.set(name, nowNs)
    for (const name of names) this.holders.set(name, (this.holders.get(name) ?? 0) + 1)
    this.idle = this.idle.filter((name) => !names.includes(name))
    this.host = this.host.filter((name) => !names.includes(name))
  }

  /** From the last block on. */
  release(names: readonly string[]): void {
    for (const name of [...names].reverse()) {
      const left = (this.holders.get(name) ?? 0) - 1
      if (left < 0) throw new Error(`LAW-23 block ${name} is let go by somebody who does not hold it`)
      this.holders.set(name, left)
      if (left === 0) this.idle.push(name)
    }
  }

  held(): number {
    return this.holders.size - this.idle.length
  }

  /** Evicts what does not fit in this many blocks. */
  trim(freeBlocks: number): void {
    while (this.idle.length > freeBlocks) {
      const name = this.idle.shift() as string
      this.holders.delete(name)
      this.since.delete(name)
      this.evicted++
      this.host = [...this.host, name].slice(-this.hostBlocks || Number.POSITIVE_INFINITY)
    }
  }
}

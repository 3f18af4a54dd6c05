/**
 * How much of the input has been seen before. One pass over the runs of prefix blocks gives the ideal hit rate and that of an LRU cache of
 * every size at once.
 *
 * The cache is the one that a serving engine keeps: whole blocks, touched when a request comes, its tail before its head, so that the
 * block used least recently is always the end of a prefix and what remains is a prefix too. An id names its whole prefix, so the blocks
 * that a request touched last, of all that touched them, are the tail of its path: the LRU stack is a list of such tails, newest
 * request first. A block's place in it (its stack distance; R. Mattson et al., IBM Systems Journal 9, 1970) is the number of blocks in newer
 * tails plus its place in its own. Tails are found by comparing owners of neighbouring blocks and counted by a Fenwick tree over
 * requests: the logarithm is paid per tail that is met, not per block.
 */
import { blockCountOf, blockIdLimit } from '../blocks.js'
import type { Workload } from '../workload.js'
import { distributionOf, type TraceDistribution } from './distribution.js'

export interface HitRates {
  /**
   * Share (0..1) of the input tokens whose leading blocks are cached, the last and perhaps partial block counting as far as it is filled
   * (as in published statistics of traces); null when the order of the requests is not known.
   */
  readonly published: number | null
  /** The same as an engine keeps and uses it: full blocks alone, and at least one token is always computed. */
  readonly engine: number | null
}

export interface PrefixStatistics {
  readonly blockTokens: number
  /** An infinite cache that starts cold. */
  readonly ideal: HitRates
  /** LRU caches, in the order of the sizes asked for. */
  readonly lru: readonly (HitRates & { readonly tokens: number })[]
  /** Shares (0..1) of the requests with more than half of their input in the infinite cache, and with nothing of it. */
  readonly mostlyHit: number
  readonly noHit: number
  readonly distinctBlocks: number
  /** Share (0..1) of the distinct blocks. */
  readonly usedOnce: number
  /** Share (0..1) of all uses of blocks that fall on the ten most used. */
  readonly hottestTen: number
  /** Blocks that were seen before, after one that was not: 0 when ids name whole prefixes, as they must; hit rates of LRU are null otherwise. */
  readonly unchained: number
  /** Input tokens of a request that an infinite cache does not hold. */
  readonly uncached: TraceDistribution
  /** Input tokens of each request that an infinite cache holds, as published. */
  readonly hitTokens: Int32Array
}

/** `lruTokens` are the sizes of the caches, tokens; null without prefix blocks. */
export function prefixStatistics(workload: Workload, lruTokens: readonly number[]): PrefixStatistics | null {
  const { blockTokens, isl, count, arrivalNs } = workload
  if (workload.runOffset === null || blockTokens === 0) return null
  const sizes = lruTokens.map((tokens) => Math.floor(tokens / blockTokens))
  const all = walk(workload, sizes, (i) => blockCountOf(workload, i))
  const wholeOf = (i: number): number => Math.floor(isl[i] / blockTokens)
  // partial blocks fill no cache of an engine, so where there are any it holds more of the others
  const hasPartial = isl.some((_, i) => blockCountOf(workload, i) > wholeOf(i))
  const whole = hasPartial ? walk(workload, sizes, wholeOf) : all
  const hitTokens = isl.map((tokens, i) => Math.min(all.leading[i] * blockTokens, tokens))
  const usable = (i: number): number => Math.floor((isl[i] - 1) / blockTokens) * blockTokens
  const total = isl.reduce((sum, tokens) => sum + tokens, 0)
  const shareBy = (tokensOf: (i: number) => number): number => {
    let sum = 0
    for (let i = 0; i < count; i++) sum += tokensOf(i)
    return sum / total
  }
  const isOrdered = all.unchained === 0 && !arrivalNs.some(Number.isNaN)
  return {
    blockTokens,
    ideal: {
      published: shareBy((i) => hitTokens[i]),
      engine: shareBy((i) => Math.min(whole.leading[i] * blockTokens, usable(i))),
    },
    lru: lruTokens.map((tokens, s) => ({
      tokens,
      published: isOrdered ? shareBy((i) => Math.min(all.hits[s][i] * blockTokens, isl[i])) : null,
      engine: isOrdered ? shareBy((i) => Math.min(whole.hits[s][i] * blockTokens, usable(i))) : null,
    })),
    mostlyHit: shareOf(count, (i) => hitTokens[i] > isl[i] / 2),
    noHit: shareOf(count, (i) => hitTokens[i] === 0),
    ...useStatistics(all.uses),
    unchained: all.unchained,
    uncached: distributionOf(isl.map((tokens, i) => tokens - hitTokens[i])),
    hitTokens,
  }
}

interface Walk {
  /** Leading blocks of each request that were seen before, and those in the LRU cache of each size. */
  readonly leading: Int32Array
  readonly hits: readonly Int32Array[]
  /** Uses of each block. */
  readonly uses: Uint32Array
  readonly unchained: number
}

/** One pass over the first `blocksOf(i)` blocks of each request, with caches of `sizes` blocks. */
function walk(workload: Workload, sizes: readonly number[], blocksOf: (i: number) => number): Walk {
  const { count } = workload
  const runOffset = workload.runOffset as Float64Array
  const runCount = workload.runCount as Int32Array
  const runFirst = workload.runFirst as Int32Array
  const runLength = workload.runLength as Int32Array
  const owner = new Int32Array(blockIdLimit(workload)).fill(-1)
  const uses = new Uint32Array(owner.length)
  const stack = new TailCounts(count)
  const leadingOf = new Int32Array(count)
  const hits = sizes.map(() => new Int32Array(count))
  let unchained = 0
  for (let i = 0; i < count; i++) {
    let blocks = 0
    let leading = 0
    let tailOwner = -1
    let tailLength = 0
    const closeTail = (): void => {
      if (tailLength === 0) return
      const before = leading - tailLength
      const newer = stack.newerThan(tailOwner) + before
      for (let s = 0; s < sizes.length; s++)
        if (hits[s][i] === before) hits[s][i] += Math.min(tailLength, Math.max(0, sizes[s] - newer))
      stack.add(tailOwner, -tailLength)
      tailLength = 0
    }
    let left = blocksOf(i)
    for (let run = runOffset[i]; run < runOffset[i] + runCount[i] && left > 0; run++) {
      const length = Math.min(runLength[run], left)
      left -= length
      const end = runFirst[run] + length
      for (let id = runFirst[run]; id < end; id++) {
        const last = owner[id]
        uses[id]++
        owner[id] = i
        if (last >= 0 && last !== i && leading === blocks) {
          if (last !== tailOwner) {
            closeTail()
            if (last > tailOwner && blocks > 0) unchained++
            tailOwner = last
          }
          tailLength++
          leading++
        } else if (last >= 0) unchained++
        blocks++
      }
    }
    closeTail()
    stack.add(i, blocks)
    leadingOf[i] = leading
  }
  return { leading: leadingOf, hits, uses, unchained }
}

/** Share (0..1) of the input tokens whose leading blocks were all seen earlier (infinite cache, cold start); null without blocks. */
export function idealHitRate(workload: Workload): number | null {
  const { isl, blockTokens } = workload
  if (workload.runOffset === null || blockTokens === 0) return null
  const { leading } = walk(workload, [], (i) => blockCountOf(workload, i))
  let hit = 0
  let total = 0
  for (let i = 0; i < isl.length; i++) {
    hit += Math.min(leading[i] * blockTokens, isl[i])
    total += isl[i]
  }
  return hit / total
}

function shareOf(count: number, holds: (i: number) => boolean): number {
  let holding = 0
  for (let i = 0; i < count; i++) if (holds(i)) holding++
  return holding / count
}

const HOTTEST = 10

function useStatistics(uses: Uint32Array): Pick<PrefixStatistics, 'distinctBlocks' | 'usedOnce' | 'hottestTen'> {
  const used = uses.filter((n) => n > 0).sort()
  let all = 0
  let once = 0
  for (const n of used) {
    all += n
    if (n === 1) once++
  }
  const hottest = used.subarray(-HOTTEST).reduce((sum, n) => sum + n, 0)
  return { distinctBlocks: used.length, usedOnce: once / used.length, hottestTen: hottest / all }
}

/** Lengths of the tails by request, with sums over all newer requests: a Fenwick tree (P. Fenwick, Software: Practice and Experience 24, 1994). */
class TailCounts {
  readonly #tree: Float64Array
  #total = 0

  constructor(requests: number) {
    this.#tree = new Float64Array(requests + 1)
  }

  add(request: number, blocks: number): void {
    this.#total += blocks
    for (let at = request + 1; at < this.#tree.length; at += at & -at) this.#tree[at] += blocks
  }

  newerThan(request: number): number {
    let upTo = 0
    for (let at = request + 1; at > 0; at -= at & -at) upTo += this.#tree[at]
    return this.#total - upTo
  }
}

/** Hit rates of simulated caches on a public trace against those of a plain LRU list. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { type ClusterConfig, PLAIN_CLUSTER } from '../src/simulator/config.js'
import { simulate } from '../src/simulator/index.js'
import { plainArm } from '../src/testing/policies.js'
import { HOST_ALONE, type TableShape } from '../src/testing/tables.js'
import { blockIdsOf } from '../src/traces/blocks.js'
import { readTrace } from '../src/traces/index.js'
import { prefixStatistics } from '../src/traces/statistics/prefixes.js'
import type { Workload } from '../src/traces/workload.js'
import { engineOf } from './byHand.js'

const data = new URL('../../shared/data/traces/', import.meta.url)
const present = existsSync(data)
if (!present && !process.env.CI) console.warn('skipped: no shared/data beside the repository, so no public trace to cache')

const BLOCK = 512
const LONGEST = 131072
/** A rank that computes 50,000 prompt tokens a second, in steps of 30 ms and more. */
const SHAPE: TableShape = { ...HOST_ALONE, hostPs: 3e10, localPs: 2e7 }

function oneRank(cacheTokens: number, maxNumSeqs: number): ClusterConfig {
  const engine = engineOf(SHAPE, {
    maxNumSeqs,
    maxNumBatchedTokens: LONGEST,
    maxModelLen: LONGEST,
    blockSize: BLOCK,
    numGpuBlocks: Math.floor(cacheTokens / BLOCK),
    prefixCaching: true,
  })
  return { ...PLAIN_CLUSTER, engines: [engine] }
}

/** Share of the input tokens that an LRU list of whole blocks holds: one request at a time, which needs room for a last partial block too. */
function lruHitRate(workload: Workload, cacheTokens: number): number {
  const capacity = Math.floor(cacheTokens / BLOCK)
  const cached = new Set<number>()
  let hit = 0
  let input = 0
  for (let i = 0; i < workload.count; i++) {
    const isl = workload.isl[i]
    const ids = [...blockIdsOf(workload, i).slice(0, Math.floor(isl / BLOCK))]
    const miss = ids.findIndex((id) => !cached.has(id))
    hit += Math.min(miss < 0 ? ids.length : miss, Math.floor((isl - 1) / BLOCK)) * BLOCK
    input += isl
    for (const id of ids) cached.delete(id)
    for (const id of cached) if (cached.size + Math.ceil(isl / BLOCK) > capacity) cached.delete(id)
    // the end of a prompt is the oldest of it
    for (const id of ids.reverse()) cached.add(id)
  }
  return hit / input
}

function hitRate(workload: Workload, config: ClusterConfig): number {
  const { records } = simulate(config, plainArm(LONGEST), workload, { load: { kind: 'open' } })
  const sum = (column: Int32Array) => column.subarray(0, records.count).reduce((total, tokens) => total + tokens, 0)
  return sum(records.cachedTokens) / sum(records.isl)
}

describe.skipIf(!present && !process.env.CI)('the Mooncake conversation on one rank', () => {
  let trace: Workload
  beforeAll(async () => {
    const path = fileURLToPath(new URL('mooncake-fast25/conversation_trace.first-half.jsonl.gz', data))
    trace = (await readTrace(path, { spreadTicks: true })).workload
  })

  /** LRU columns of ../shared/data/traces/STATISTICS.md section 4, which count partial blocks as far as they are filled. */
  const PRINTED = [
    [1e6, 0.052],
    [3e6, 0.138],
    [10e6, 0.28],
    [30e6, 0.345],
  ] as const

  it.each(PRINTED)(
    'hits with %d tokens what the LRU list says when nobody waits for another, as printed: %d',
    (tokens, printed) => {
      // answers of one token write none, and requests ten minutes apart do not meet
      const alone = {
        ...trace,
        osl: trace.osl.map(() => 1),
        arrivalNs: trace.arrivalNs.map((_, i) => i * 6e11),
      }
      const rate = hitRate(alone, oneRank(tokens, 1))
      expect(rate).toBe(lruHitRate(trace, tokens))
      expect(Math.abs(rate - printed)).toBeLessThan(0.01)
      // what `trace inspect` prints for an engine; a prompt's last, partial block takes a block of the cache while it is served
      const inspected = prefixStatistics(trace, [tokens])?.lru[0].engine as number
      expect(Math.abs(rate / inspected - 1)).toBeLessThan(0.002)
    },
  )

  it('at half load hits less, by what the requests that decode hold', () => {
    const tokens = 1e6
    const computed = trace.isl.reduce((sum, isl) => sum + isl, 0) * (1 - lruHitRate(trace, tokens))
    // half of the time goes to prompts
    const spanNs = 2 * computed * (SHAPE.localPs / 1e3)
    const pace = spanNs / trace.arrivalNs[trace.count - 1]
    const half = { ...trace, arrivalNs: trace.arrivalNs.map((timeNs) => Math.floor(timeNs * pace)) }
    const alone = lruHitRate(trace, tokens)
    const loaded = hitRate(half, oneRank(tokens, 256))
    const percent = (share: number) => `${(100 * share).toFixed(2)} %`
    console.info(
      `LRU list ${percent(alone)}, at half load ${percent(loaded)}: the memory of 40 requests that decode is not there for others`,
    )
    expect(loaded).toBeLessThan(0.96 * alone)
    expect(loaded).toBeGreaterThan(0.9 * alone)
    // without answers nobody stays long enough to be in the way, and hardly anybody meets a twin
    const prompts = { ...half, osl: half.osl.map(() => 1) }
    expect(Math.abs(hitRate(prompts, oneRank(tokens, 256)) - alone)).toBeLessThan(1e-3)
  })
})

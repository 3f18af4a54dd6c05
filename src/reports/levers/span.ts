/** Over how many ranks a span policy spreads requests of growing length. */
import type { LoadView, SpanPolicy } from '../../levers/index.js'
import { columns } from '../columns.js'
import { bar, type Example, thousands } from './example.js'

const LENGTHS = [1_000, 8_000, 32_000, 64_000, 128_000, 256_000, 512_000, 1_000_000]
/** What each rank holds already, tokens. */
const HELD = 200_000

export function spanPicture(policy: SpanPolicy, { title, engine }: Example): string {
  const view: LoadView = {
    count: engine.ranks,
    engine: 0,
    running: () => 32,
    waiting: () => 0,
    kvTokens: () => HELD,
    queuedTokens: () => 0,
    freeBlocks: () => Math.max(0, engine.numGpuBlocks - Math.ceil(HELD / engine.blockSize)),
    matchedTokens: () => 0,
  }
  const degrees = LENGTHS.map((inputTokens) => policy.degree(view, { inputTokens, classId: 0, tenant: 0 }))
  return [
    `Requests come to ${title}, of which every rank holds ${thousands(HELD)} tokens: ranks over which the context is spread.`,
    columns(
      [
        ['tokens', 'ranks', ''],
        ...LENGTHS.map((tokens, i) => [thousands(tokens), String(degrees[i]), bar(degrees[i], engine.ranks, 32)]),
      ],
      [0, 1],
    ),
  ].join('\n')
}

/** How many tokens of prefill a chunk policy lets into a step, and how long the step then lasts, by what was computed before. */
import { CHUNK_CANDIDATES, type ChunkPolicy, type ChunkView } from '../../levers/lever.js'
import { createStepTimer } from '../../timing/stepTimer.js'
import { PS_PER_MS } from '../../units.js'
import { columns } from '../columns.js'
import { bar, type Example, thousands } from './example.js'

const PREFIXES = [0, 8_192, 32_768, 98_304]
const SEQUENCES = [0, 32]
const KV_TOKENS = 8_192
/** More than any budget lets in at once. */
const PROMPT_LEFT = 1e6
/** Lead over the promised pace of the sequence that can wait least, tokens. */
const LEAD_TOKENS = 2

export function chunkPicture(policy: ChunkPolicy, { title, engine }: Example): string {
  const timer = createStepTimer(engine.tables)
  const rows: { n: number; prefix: number; tokens: number; ms: number }[] = []
  for (const n of SEQUENCES)
    for (const prefix of PREFIXES) {
      const view: ChunkView = {
        decodeSequences: n,
        decodeKvTokens: n * KV_TOKENS,
        decodeTokens: n,
        splitFactor: 1,
        candidates: 1,
        remaining: new Float64Array(CHUNK_CANDIDATES).fill(PROMPT_LEFT),
        prefix: new Float64Array(CHUNK_CANDIDATES).fill(prefix),
        maxBatchedTokens: engine.maxNumBatchedTokens,
        leastSlackNs: n === 0 || policy.paceNs === undefined ? Number.POSITIVE_INFINITY : LEAD_TOKENS * policy.paceNs,
        timer,
      }
      const tokens = Math.min(policy.prefillTokens(view), engine.maxNumBatchedTokens - n)
      const all = n + tokens
      const ps =
        timer.tables.hostPs +
        timer.localPs(all) +
        timer.headPs(n) +
        timer.exchangePs(all) +
        timer.sharedPs(all * engine.ranks) +
        (n > 0 ? timer.decodeRowsPs(n) + timer.kernelPs(n, n * KV_TOKENS) + timer.keysPs(n * KV_TOKENS) : 0) +
        (tokens > 0 ? timer.prefillPs(tokens, prefix) : 0)
      rows.push({ n, prefix, tokens, ms: ps / PS_PER_MS })
    }
  const mostTokens = Math.max(...rows.map(({ tokens }) => tokens))
  const mostMs = Math.max(...rows.map(({ ms }) => ms))
  return [
    `One rank of ${title}, a long prompt at its head and every other rank alike: tokens of it that enter a step, and how long the step lasts.`,
    ...(policy.paceNs === undefined ? [] : [`The sequence that can wait least is ${LEAD_TOKENS} tokens ahead of its pace.`]),
    ...(policy.hold === undefined ? [] : ['Prompts may have waited for those of other ranks before.']),
    columns(
      [
        ['decoding', 'computed before', 'tokens', '', 'step ms', ''],
        ...rows.map(({ n, prefix, tokens, ms }) => [
          n === 0 ? 'nothing' : `${n} at ${thousands(KV_TOKENS)}`,
          thousands(prefix),
          thousands(tokens),
          bar(tokens, mostTokens, 20),
          ms.toFixed(1),
          bar(ms, mostMs, 20),
        ]),
      ],
      [1, 2, 4],
    ),
  ].join('\n')
}

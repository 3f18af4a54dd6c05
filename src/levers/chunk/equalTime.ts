import { msToNs, PS_PER_NS } from '../../units.js'
import type { ChunkPolicy, ChunkView } from '../lever.js'

/** Smallest chunk, tokens: below it weights are read again and again for next to nothing (published floors: 256-512). */
const FLOOR_TOKENS = 256
/** Chunks are whole multiples of this, tokens, so that bisection takes few steps. */
const GRAIN_TOKENS = 32

/** The largest chunk whose predicted step lasts at most `targetMs` (in [0.001, 10000] ms), and no less than 256 tokens. */
export function equalTime(targetMs: number): ChunkPolicy {
  const targetPs = msToNs(targetMs) * PS_PER_NS
  return {
    info: {
      lever: 'chunk',
      name: `equal-time(${targetMs})`,
      shapeAware: true,
      hooks: ['prefillTokens'],
      inputs: ['decoding sequences and their KV', 'prompt tokens left and done of the next requests', 'the price list of a step'],
      signalAge: 'now',
      complexity: 'O(8 log(tokens / 32))',
      wins: 'objectives on the largest gap between tokens, with long or mixed prefixes',
      loses: 'objectives on the mean: total stall counts there, and large chunks are cheaper a token',
      source: 'dynamic chunk size by predicted time (SGLang pipeline prefill; the quadratic of the prefix)',
    },
    readsCandidates: true,
    prefillTokens: (view) => tokensWithin(view, targetPs),
  }
}

/** The largest number of prompt tokens whose predicted step lasts at most `targetPs`, and no less than 256 where there is room. */
export function tokensWithin(view: ChunkView, targetPs: number): number {
  const room = view.maxBatchedTokens - view.decodeTokens
  if (room <= FLOOR_TOKENS) return Math.max(room, view.decodeSequences === 0 ? 1 : 0)
  const budgetPs = targetPs - decodePs(view)
  if (stepPs(view, room) <= budgetPs) return room
  let low = Math.floor(FLOOR_TOKENS / GRAIN_TOKENS)
  let high = Math.ceil(room / GRAIN_TOKENS)
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (stepPs(view, middle * GRAIN_TOKENS) <= budgetPs) low = middle
    else high = middle
  }
  return low * GRAIN_TOKENS
}

/** What the decoding sequences cost whatever the chunk, ps. */
function decodePs(view: ChunkView): number {
  const { timer, decodeSequences: n } = view
  const hostPs = timer.tables.hostPs
  if (n === 0) return hostPs
  return (
    hostPs + timer.decodeRowsPs(n) + timer.kernelPs(n, view.decodeKvTokens) * view.splitFactor + timer.keysPs(view.decodeKvTokens)
  )
}

/** The rest of the step with `tokens` of prefill, ps. Other ranks are taken to hold as many tokens as this one. */
function stepPs(view: ChunkView, tokens: number): number {
  const { timer, decodeTokens } = view
  let left = tokens
  let ending = decodeTokens
  let attentionPs = 0
  let prefixesPs = 0
  let chunks = 0
  for (let i = 0; i < view.candidates && left > 0; i++) {
    const chunk = view.remaining[i] < left ? view.remaining[i] : left
    if (chunk === view.remaining[i]) ending++
    attentionPs += timer.prefillPs(chunk, view.prefix[i])
    if (view.prefix[i] > 0) prefixesPs += timer.prefixPs(chunk, view.prefix[i])
    timer.setChunk(chunks++, chunk)
    left -= chunk
  }
  if (chunks > 1) attentionPs = timer.chunksPs(attentionPs, prefixesPs, chunks)
  const all = decodeTokens + tokens - (view.candidates < view.remaining.length ? left : 0)
  return (
    timer.localPs(all) + timer.headPs(ending) + timer.exchangePs(all) + timer.sharedPs(all * timer.tables.ranks) + attentionPs
  )
}

/** Where a rank or pool policy puts requests that arrive one after the other, against round robin. */
import { type LoadView, type PoolPolicy, parsePolicy, type RankPolicy } from '../../levers/index.js'
import { columns } from '../columns.js'
import { ARRIVING, bar, type Example, thousands } from './example.js'

const PLACES = 8

interface Placed {
  readonly tokens: Float64Array
  readonly requests: Float64Array
  readonly hitTokens: number
}

/** `choose` is asked for one request after the other; nobody leaves. A conversation's earlier prompt is held where it was put. */
function place(choose: (view: LoadView, inputTokens: number) => number, { engine }: Example): Placed {
  const tokens = new Float64Array(PLACES)
  const requests = new Float64Array(PLACES)
  const held = new Map<number, { at: number; tokens: number }>()
  let hitTokens = 0
  for (const { tokens: inputTokens, session } of ARRIVING) {
    const before = held.get(session)
    const matched = (at: number): number => (before?.at === at ? Math.min(before.tokens, inputTokens - 1) : 0)
    const view: LoadView = {
      count: PLACES,
      engine: 0,
      running: (at) => requests[at],
      waiting: () => 0,
      kvTokens: (at) => tokens[at],
      queuedTokens: () => 0,
      freeBlocks: (at) => engine.numGpuBlocks - Math.ceil(tokens[at] / engine.blockSize),
      matchedTokens: matched,
    }
    const at = choose(view, inputTokens)
    hitTokens += matched(at)
    held.set(session, { at, tokens: inputTokens })
    tokens[at] += inputTokens
    requests[at]++
  }
  return { tokens, requests, hitTokens }
}

const mostOverMean = (values: Float64Array): number =>
  (Math.max(...values) * values.length) / values.reduce((sum, value) => sum + value, 0)

/** The rank that a policy gives to one request alone in the engine's queue. */
function assignOne({ assign, info }: RankPolicy, loads: LoadView, inputTokens: number, { engine }: Example): number {
  const out = Int32Array.of(-1)
  const places = (rank: number) => engine.maxNumSeqs - loads.running(rank)
  const seen = { loads, engine: 0, places, step: 0, stepNs: 0, attentionNs: 0, meanAnswerTokens: 0, waiting: 1 }
  const request = { inputTokens: Float64Array.of(inputTokens), classId: new Int32Array(1), tenant: new Int32Array(1) }
  const oracle = info.oracle ? { outputTokens: new Float64Array(1) } : null
  assign?.({ ...seen, ...request, waitedNs: new Float64Array(1) }, out, oracle)
  return out[0]
}

export function rankPicture(policy: RankPolicy, example: Example): string {
  const choose = (by: RankPolicy) => (view: LoadView, inputTokens: number) =>
    by.place?.(view, { inputTokens, classId: 0, tenant: 0 }) ?? assignOne(by, view, inputTokens, example)
  return placePicture(
    'rank',
    place(choose(policy), example),
    place(choose(parsePolicy('rank', 'round-robin')()), example),
    example,
  )
}

export function poolPicture(policy: PoolPolicy, example: Example): string {
  const choose = (by: PoolPolicy) => (view: LoadView, inputTokens: number) =>
    by.route(view, { inputTokens, classId: 0, tenant: 0 }, 'prefill')
  return placePicture(
    'engine',
    place(choose(policy), example),
    place(choose(parsePolicy('pool', 'round-robin')()), example),
    example,
  )
}

function placePicture(what: string, placed: Placed, robin: Placed, { title }: Example): string {
  const most = Math.max(...placed.tokens, ...robin.tokens)
  const rows = Array.from({ length: PLACES }, (_, at) => [
    `${what} ${at}`,
    String(placed.requests[at]),
    thousands(placed.tokens[at]),
    bar(placed.tokens[at], most, 28),
    thousands(robin.tokens[at]),
    bar(robin.tokens[at], most, 28),
  ])
  const line = ({ tokens, requests, hitTokens }: Placed): string =>
    `tokens max/mean ${mostOverMean(tokens).toFixed(2)}, requests ${mostOverMean(requests).toFixed(2)}, found in a cache ${thousands(hitTokens)} tokens`
  return [
    `${ARRIVING.length} prompts of ${thousands(Math.min(...ARRIVING.map(({ tokens }) => tokens)))} to ${thousands(Math.max(...ARRIVING.map(({ tokens }) => tokens)))} tokens arrive at ${PLACES} ${what}s of ${title}, nobody leaves:`,
    columns([['', 'requests', 'tokens', 'this policy', 'tokens', 'round-robin'], ...rows], [1, 2, 4]),
    `this policy: ${line(placed)}`,
    `round-robin: ${line(robin)}`,
  ].join('\n')
}

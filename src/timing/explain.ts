/** A step as the list of its operators, each priced at the exact size: what `explain` prints and what the step tables are tested against. */
import type { OperatorGroup } from '../models/operators.js'
import type { PricedOperator } from './price.js'
import type { TimingRequest } from './request.js'
import type { Evidence } from './slices.js'
import { HOST_MS, priceRequest } from './tables.js'

export interface BatchOfRank {
  readonly decode: { readonly n: number; readonly K: number }
  /** `emits`: the chunk completes its prompt (default false). */
  readonly chunks: readonly { readonly tokens: number; readonly prefix: number; readonly emits?: boolean }[]
}

export interface ExplainedOperator {
  readonly name: string
  readonly group: OperatorGroup | 'host'
  /** All calls of the step together. */
  readonly us: number
  readonly count: number
  readonly evidence: Evidence
  readonly note: string
}

export interface ExplainedStep {
  /** First rank with the largest rank time; its operators are listed. */
  readonly gatingRank: number
  readonly operators: readonly ExplainedOperator[]
  readonly totalUs: number
}

/** Calls (x, y) of a group in the step of one rank; none = the group takes no time. */
function callsOf(group: OperatorGroup, rank: BatchOfRank, sumTokens: number, maxTokens: number): [number, number][] {
  const { n, K } = rank.decode
  const call = (x: number, y = 0): [number, number][] => (x > 0 ? [[x, y]] : [])
  switch (group) {
    case 'local':
      return call(tokensOf(rank))
    case 'head':
      return call(n + rank.chunks.filter((chunk) => chunk.emits).length)
    case 'decodeRows':
      return call(n)
    case 'kernel':
      return n > 0 ? [[n, K / n]] : []
    case 'prefill':
      return rank.chunks.map((chunk) => [chunk.tokens, chunk.prefix])
    case 'shared':
      return call(sumTokens)
    case 'exchange':
      return call(maxTokens)
  }
}

const tokensOf = ({ decode, chunks }: BatchOfRank): number => chunks.reduce((sum, chunk) => sum + chunk.tokens, decode.n)
const OF_A_RANK = new Set<OperatorGroup>(['local', 'head', 'decodeRows', 'kernel', 'prefill'])

function timeOf(priced: PricedOperator, calls: readonly [number, number][]): number {
  return calls.reduce((sum, [x, y]) => sum + priced.operator.count * priced.us(x, y), 0)
}

const HOST: ExplainedOperator = {
  name: 'host',
  group: 'host',
  us: HOST_MS * 1e3,
  count: 1,
  evidence: 'transferred',
  note: 'assumed, trust C',
}

/** `ranks`: the batch of each rank of the engine. The split factor is taken as 1. */
export function explainStep(request: TimingRequest, ranks: readonly BatchOfRank[]): ExplainedStep {
  const priced = priceRequest(request)
  const tokens = ranks.map(tokensOf)
  const sumTokens = tokens.reduce((sum, value) => sum + value, 0)
  const maxTokens = Math.max(...tokens)
  const own = priced.filter(({ operator }) => OF_A_RANK.has(operator.group))
  const rankUs = ranks.map((rank) =>
    own.reduce((sum, item) => sum + timeOf(item, callsOf(item.operator.group, rank, sumTokens, maxTokens)), 0),
  )
  const gatingRank = rankUs.indexOf(Math.max(...rankUs))
  const operators: ExplainedOperator[] = [HOST]
  for (const item of priced) {
    const { name, group, count } = item.operator
    const calls = callsOf(group, ranks[gatingRank], sumTokens, maxTokens)
    if (calls.length > 0)
      operators.push({ name, group, count: count * calls.length, us: timeOf(item, calls), ...item.evidence(...calls[0]) })
  }
  return { gatingRank, operators, totalUs: operators.reduce((sum, { us }) => sum + us, 0) }
}

/**
 * Share of the time of a full step that stands on each kind of evidence: max_num_seqs sequences of 4096 KV tokens and a chunk that fills
 * the budget. The host overhead, assumed everywhere, is left out. The shares add up to 1.
 */
export function evidenceOf(request: TimingRequest): Readonly<Record<Evidence, number>> {
  const { maxNumSeqs: n, maxNumBatchedTokens, maxModelLen, parallelism } = request
  const tokens = maxNumBatchedTokens - n
  const chunks = tokens > 0 ? [{ tokens, prefix: 0, emits: true }] : []
  const rank: BatchOfRank = { decode: { n, K: n * Math.min(maxModelLen, 4096) }, chunks }
  const shares: Record<Evidence, number> = { measured: 0, interpolated: 0, transferred: 0, roofline: 0 }
  const { operators } = explainStep(
    request,
    Array.from({ length: parallelism.dp }, () => rank),
  )
  const known = operators.filter(({ name }) => name !== 'host')
  const totalUs = known.reduce((sum, { us }) => sum + us, 0)
  for (const { evidence, us } of known) shares[evidence] += us / totalUs
  return shares
}

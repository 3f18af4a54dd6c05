/** A step as the list of its operators, each priced at the exact size: what `explain` prints and what the step tables are tested against. */
import { UserError } from '../errors.js'
import type { OperatorGroup } from '../models/operator.js'
import { priceRequest } from './groups.js'
import { type PricedOperator, sharesCalls } from './price.js'
import { factorsOf, type Named, productOf, type StepScale, scaleOf } from './profiles.js'
import type { TimingRequest } from './request.js'
import { EVIDENCE_KINDS, type Evidence } from './slices.js'

/** Most prompts of a measured call of prefill attention. */
const MEASURED_PROMPTS = 256

export interface BatchOfRank {
  /** Sequences and their KV tokens. */
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

/** Calls (x, y) of a group in the step of one rank; none = the group takes no time. `positions`: tokens of a decoding sequence. */
function callsOf(
  group: OperatorGroup,
  rank: BatchOfRank,
  positions: number,
  sumTokens: number,
  maxTokens: number,
): [number, number][] {
  const { n, K } = rank.decode
  const call = (x: number, y = 0): [number, number][] => (x > 0 ? [[x, y]] : [])
  switch (group) {
    case 'local':
      return call(tokensOf(rank, positions))
    case 'head':
      return call(n * positions + rank.chunks.filter((chunk) => chunk.emits).length)
    case 'decodeRows':
      return call(n)
    case 'kernel':
    case 'keys':
      return n > 0 ? [[n, K / n]] : []
    case 'prefill':
      return rank.chunks.map((chunk) => [chunk.tokens, chunk.prefix])
    case 'shared':
      return call(sumTokens)
    case 'exchange':
      return call(maxTokens)
  }
}

const tokensOf = ({ decode, chunks }: BatchOfRank, positions: number): number =>
  chunks.reduce((sum, chunk) => sum + chunk.tokens, decode.n * positions)
const OF_A_RANK = new Set<OperatorGroup>(['local', 'head', 'decodeRows', 'kernel', 'keys', 'prefill'])

function timeOf(priced: PricedOperator, calls: readonly [number, number][], factors: readonly Named[]): number {
  const us = calls.reduce((sum, [x, y]) => sum + priced.us(x, y), 0)
  const together = calls.length > 1 ? Math.min(us, inOneCall(priced, calls)) : us
  return priced.operator.count * together * productOf(factors)
}

/** Chunks that share a call, as `chunksPs` of the step timer has it. */
function inOneCall(priced: PricedOperator, calls: readonly [number, number][]): number {
  const ofPrefixes = calls.reduce((sum, [x, y]) => sum + (y > 0 ? priced.prefixUs(x, y) : 0), 0)
  const [longest, ...others] = calls.map(([x]) => x).sort((a, b) => b - a)
  const next = others.map((x, i) =>
    Math.max(0, priced.batchUs(i + 2, x) - (i === 0 ? priced.us(x, 0) : priced.batchUs(i + 1, x))),
  )
  return ofPrefixes + priced.us(longest, 0) + next.reduce((sum, us) => sum + us, 0)
}

/** The weakest of all calls, of those the one that takes most. Token-wise work goes by the sum; batches of prompts were measured for equal ones. */
function evidenceOfCalls(priced: PricedOperator, calls: readonly [number, number][]): { evidence: Evidence; note: string } {
  const isShared = calls.length > 1 && sharesCalls(priced.operator)
  const isTokenWise = priced.operator.kind === 'gemm' || priced.operator.kind === 'mla_bmm'
  const asked = isShared && isTokenWise ? [sumOf(calls)] : [...calls].sort((a, b) => priced.us(...b) - priced.us(...a))
  const all = asked.map(([x, y]) => priced.evidence(x, y))
  const rankOf = ({ evidence }: { evidence: Evidence }): number => EVIDENCE_KINDS.indexOf(evidence)
  const weakest = all.reduce((least, one) => (rankOf(one) > rankOf(least) ? one : least))
  if (!isShared) return weakest
  const isMeasured = isTokenWise || calls.length <= MEASURED_PROMPTS
  const least: Evidence = isTokenWise ? 'measured' : isMeasured ? 'interpolated' : 'transferred'
  const beyond = isMeasured ? [] : [`extended beyond the measured ${MEASURED_PROMPTS} prompts`]
  const note = [weakest.note, `${calls.length} chunks in one call`, ...beyond].filter(Boolean).join(', ')
  return { evidence: EVIDENCE_KINDS[Math.max(rankOf(weakest), EVIDENCE_KINDS.indexOf(least))], note }
}

const sumOf = (calls: readonly [number, number][]): [number, number] =>
  calls.reduce(([x, y], [chunk, prefix]) => [x + chunk, y + prefix], [0, 0])

/** `x 1.2 era2025`: the constants that multiply a measured time; neutral ones are left out. */
const textOf = (factors: readonly Named[]): string[] =>
  factors.filter(({ value }) => value !== 1).map(({ value, why }) => `x ${value} ${why}`)

/** Terms of a step that are no time of the host, by their constant. */
const HOST_TERMS: Readonly<Record<string, string>> = {
  allReduceHopUs: 'all-reduce wait',
  sparseIndexerUs: 'sparse indexer launches',
}

/** Times that no kernel row has; the positions of the gating rank for those that every position adds. */
function addedOperators({ all, hostMs, positionUs }: StepScale, positions: number): ExplainedOperator[] {
  const added = [
    ...hostMs.map(({ value, why }) => ({ name: HOST_TERMS[why] ?? 'host', group: 'host' as const, us: value * 1e3, why })),
    ...positionUs.map(({ value, why }) => ({ name: 'sparse indexer', group: 'decodeRows' as const, us: value * positions, why })),
  ]
  return added
    .filter(({ us }) => us > 0)
    .map(({ name, group, us, why }) => ({
      name,
      group,
      us: us * productOf(all),
      count: 1,
      evidence: 'transferred',
      note: [why, ...textOf(all)].join(', '),
    }))
}

const sumOfUs = (operators: readonly ExplainedOperator[]): number => operators.reduce((sum, { us }) => sum + us, 0)

/** `ranks`: the batch of each rank of the engine, as many as it has (else UserError). The split factor is taken as 1. */
export function explainStep(request: TimingRequest, ranks: readonly BatchOfRank[]): ExplainedStep {
  const { dp } = request.parallelism
  if (ranks.length !== dp)
    throw new UserError({
      where: 'explainStep',
      message: `batches of ${ranks.length} ranks for an engine of ${dp}`,
      hint: 'give one for each rank; it may be empty',
    })
  const priced = priceRequest(request)
  const scale = scaleOf(request)
  const positions = request.draftTokens + 1
  const tokens = ranks.map((rank) => tokensOf(rank, positions))
  const sumTokens = tokens.reduce((sum, value) => sum + value, 0)
  const maxTokens = Math.max(...tokens)
  const own = priced.filter(({ operator }) => OF_A_RANK.has(operator.group))
  const callsIn = (group: OperatorGroup, rank: BatchOfRank) => callsOf(group, rank, positions, sumTokens, maxTokens)
  const addedTo = ({ decode }: BatchOfRank) => addedOperators(scale, positions * decode.n)
  const factorsIn = (group: OperatorGroup, rank: BatchOfRank): readonly Named[] => {
    const seen = group === 'shared' ? sumTokens / ranks.length : group === 'exchange' ? maxTokens : tokensOf(rank, positions)
    return factorsOf(scale, group, seen)
  }
  const usOf = (item: PricedOperator, rank: BatchOfRank): number =>
    timeOf(item, callsIn(item.operator.group, rank), factorsIn(item.operator.group, rank))
  const rankUs = ranks.map((rank) => sumOfUs(addedTo(rank)) + own.reduce((sum, item) => sum + usOf(item, rank), 0))
  const gatingRank = rankUs.indexOf(Math.max(...rankUs))
  const operators = addedTo(ranks[gatingRank])
  for (const item of priced) {
    const { name, group, count } = item.operator
    const calls = callsIn(group, ranks[gatingRank])
    if (calls.length === 0) continue
    const { evidence, note } = evidenceOfCalls(item, calls)
    const notes = [...(note === '' ? [] : [note]), ...textOf(factorsIn(group, ranks[gatingRank]))]
    operators.push({
      name,
      group,
      count: sharesCalls(item.operator) ? count : count * calls.length,
      us: usOf(item, ranks[gatingRank]),
      evidence,
      note: notes.join(', '),
    })
  }
  return { gatingRank, operators, totalUs: sumOfUs(operators) }
}

/**
 * Share of the time of a full step that stands on each kind of evidence: max_num_seqs sequences of 4096 KV tokens (not in prefill engines)
 * and a chunk that fills the budget (not in decode engines). The host overhead, assumed everywhere, is left out. The shares add up to 1.
 */
export function evidenceOf(request: TimingRequest): Readonly<Record<Evidence, number>> {
  const { maxNumSeqs: n, maxNumBatchedTokens, maxModelLen, parallelism } = request
  const decode = request.role === 'prefill' ? { n: 0, K: 0 } : { n, K: n * Math.min(maxModelLen, 4096) }
  const tokens = request.role === 'decode' ? 0 : maxNumBatchedTokens - decode.n * (request.draftTokens + 1)
  const rank: BatchOfRank = { decode, chunks: tokens > 0 ? [{ tokens, prefix: 0, emits: true }] : [] }
  const shares: Record<Evidence, number> = { measured: 0, interpolated: 0, transferred: 0, roofline: 0 }
  const { operators } = explainStep(
    request,
    Array.from({ length: parallelism.dp }, () => rank),
  )
  const known = operators.filter(({ group }) => group !== 'host')
  const totalUs = known.reduce((sum, { us }) => sum + us, 0)
  for (const { evidence, us } of known) shares[evidence] += us / totalUs
  return shares
}

/** From the weakest on. Between measured points a step is always interpolated, so nothing better is ever claimed for a whole one. */
const WEAKEST_FIRST: readonly Evidence[] = ['roofline', 'transferred']
/** A kind of evidence that carries less of a step than this is not what a result stands on. */
const SMALL_SHARE = 0.1

/** The weakest kind of evidence that carries a tenth or more of one of the steps. */
export const weakestEvidence = (steps: readonly Readonly<Record<Evidence, number>>[]): Evidence =>
  WEAKEST_FIRST.find((level) => steps.some((share) => share[level] >= SMALL_SHARE)) ?? 'interpolated'

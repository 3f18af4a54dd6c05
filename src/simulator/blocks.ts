/** KV blocks: how many a request needs at each turn of its life (docs/SEMANTICS.md, "Engines", "A step begins" and "Prefix cache"). */
import type { EngineConfig } from './config.js'
import { NOW } from './scalars.js'
import { giveSpan, takeSpan } from './spans.js'
import type { State } from './state.js'

/** Tokens of a request that a block on each of its ranks holds. */
const tokensPerBlock = (s: State, { blockSize }: EngineConfig, slot: number): number => blockSize << s.slots.spanClass[slot]

/** Blocks of the whole life of a request on this engine (`kv_reservation: full`). */
function lifetimeBlocks(s: State, engine: EngineConfig, slot: number): number {
  const { isl, osl } = s.slots
  const tokens = engine.role === 'prefill' ? isl[slot] : isl[slot] + osl[slot] + 2 * engine.draftTokens
  return Math.ceil(tokens / tokensPerBlock(s, engine, slot))
}

/**
 * Blocks that must be held, on each of its ranks, once `tokens` of the prompt are computed; with all of it come those of the drafts. A
 * spanned request takes those of its whole target at once.
 */
export function prefillBlocks(s: State, engine: EngineConfig, slot: number, tokens: number): number {
  if (engine.kvReservation === 'full') return lifetimeBlocks(s, engine, slot)
  const target = s.slots.target[slot]
  const due = s.slots.spanClass[slot] > 0 ? target : tokens
  return Math.ceil((due + (due === target ? engine.draftTokens : 0)) / tokensPerBlock(s, engine, slot))
}

/** Blocks that a decoding sequence of engine `e` holds between steps, on each of its ranks. */
export function decodingBlocks(s: State, e: number, engine: EngineConfig, slot: number): number {
  if (engine.kvReservation === 'full') return lifetimeBlocks(s, engine, slot)
  return Math.ceil((s.slots.base[slot] + s.tokenClock[e]) / tokensPerBlock(s, engine, slot))
}

// --- with a prefix cache: some of a request's blocks are shared

/** Leading blocks of a waiting request that are cached on rank g, in either tier; at least one token of its target stays to be computed. */
export function cachedBlocks(s: State, engine: EngineConfig, g: number, slot: number): number {
  if (s.prefix === null || !engine.prefixCaching || s.slots.spanClass[slot] > 0) return 0
  const blocks = residentBlocks(s, engine, g, slot)
  return blocks + s.prefix.matchHost(g, s.slots.prefix[slot], blocks, longestHit(s, engine, slot))
}

/** Those of them that are cached on the GPUs. */
export function residentBlocks(s: State, engine: EngineConfig, g: number, slot: number): number {
  if (s.prefix === null || !engine.prefixCaching) return 0
  s.prefix.settle(g, s.freeBlocks[g])
  s.prefix.matchedHost = 0
  return s.prefix.match(g, s.slots.prefix[slot], longestHit(s, engine, slot))
}

/** Blocks of the longest hit: one token at least is left to compute. */
const longestHit = (s: State, engine: EngineConfig, slot: number): number =>
  Math.floor((s.slots.target[slot] - 1) / engine.blockSize)

/** Takes `total` blocks, on each of its ranks, for a request that is admitted, the first `shared` as just found in the cache; false when they are not free. */
export function takeBlocks(s: State, engine: EngineConfig, g: number, slot: number, total: number, shared: number): boolean {
  if (s.slots.spanClass[slot] > 0) return takeSpan(s, engine, g, slot, total)
  const { prefix } = s
  if (prefix === null || shared === 0) {
    if (total > s.freeBlocks[g]) return false
    s.freeBlocks[g] -= total
    s.slots.shared[slot] = 0
    return true
  }
  const here = shared - prefix.matchedHost
  const fresh = total - here + prefix.matchedIdle
  if (fresh > s.freeBlocks[g]) return false
  s.freeBlocks[g] -= fresh
  const list = s.slots.prefix[slot]
  prefix.hold(g, list, here)
  if (here < shared) prefix.publish(g, list, here, shared, s.scalars[NOW])
  s.slots.shared[slot] = shared
  return true
}

/** The first `tokens` tokens of the request are written on rank g: the whole blocks among them are shared from now on. */
export function shareBlocks(s: State, engine: EngineConfig, g: number, slot: number, tokens: number): void {
  if (s.prefix === null || !engine.prefixCaching || s.slots.spanClass[slot] > 0) return
  const { shared, prefix } = s.slots
  s.prefix.settle(g, s.freeBlocks[g])
  shared[slot] = s.prefix.publish(g, prefix[slot], shared[slot], Math.floor(tokens / engine.blockSize), s.scalars[NOW])
  s.freeBlocks[g] += s.prefix.merged
}

/** Gives back `total` blocks that a request holds on rank g, the first `shared` of them in the cache. */
export function giveBlocksOfRank(s: State, engine: EngineConfig, g: number, slot: number, total: number, shared: number): void {
  if (s.prefix === null || !engine.prefixCaching) {
    s.freeBlocks[g] += total
    return
  }
  s.prefix.settle(g, s.freeBlocks[g])
  s.freeBlocks[g] += total - shared + s.prefix.release(g, s.slots.prefix[slot], shared)
}

/** Gives back the `total` blocks that a request with the home g holds on each of its ranks. */
export function giveBlocks(s: State, engine: EngineConfig, g: number, slot: number, total: number): void {
  if (s.slots.spanClass[slot] > 0) giveSpan(s, g, slot, total)
  else giveBlocksOfRank(s, engine, g, slot, total, s.slots.shared[slot])
}

/** KV blocks: how many a request needs at each turn of its life (docs/SEMANTICS.md, "Engines" and "A step begins"). */
import type { EngineConfig } from './config.js'
import type { State } from './state.js'

/** Blocks of the whole life of a request on this engine (`kv_reservation: full`). */
function lifetimeBlocks(s: State, engine: EngineConfig, slot: number): number {
  const { isl, osl } = s.slots
  const tokens = engine.role === 'prefill' ? isl[slot] : isl[slot] + osl[slot] + 2 * engine.draftTokens
  return Math.ceil(tokens / engine.blockSize)
}

/** Blocks that must be held once `tokens` of the prompt are computed; with all of it come those of the drafts. */
export function prefillBlocks(s: State, engine: EngineConfig, slot: number, tokens: number): number {
  if (engine.kvReservation === 'full') return lifetimeBlocks(s, engine, slot)
  const drafts = tokens === s.slots.target[slot] ? engine.draftTokens : 0
  return Math.ceil((tokens + drafts) / engine.blockSize)
}

/** Blocks that a decoding sequence of engine `e` holds between steps. */
export function decodingBlocks(s: State, e: number, engine: EngineConfig, slot: number): number {
  if (engine.kvReservation === 'full') return lifetimeBlocks(s, engine, slot)
  return Math.ceil((s.slots.base[slot] + s.tokenClock[e]) / engine.blockSize)
}

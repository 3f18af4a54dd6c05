/** How full steps are, seen from outside of a simulator: it looks up what a step costs by the tokens of the fullest rank. */
import type { ClusterConfig, EngineConfig } from '../simulator/config.js'

/**
 * The cluster with tables that note how they are read, and the most tokens of one rank in any step of each engine so far. Beyond their end tables
 * answer with their last price, so that a step that is too full ends like any other.
 */
export function noted(config: ClusterConfig): { config: ClusterConfig; fullest: Float64Array } {
  const fullest = new Float64Array(config.engines.length)
  const engines = config.engines.map((engine, e) => {
    const note = (tokens: number): void => {
      if (tokens > fullest[e]) fullest[e] = tokens
    }
    const { switched } = engine
    return { ...withTables(engine, note), switched: switched && withTables(switched, note) }
  })
  return { config: { ...config, engines }, fullest }
}

const withTables = <E extends Pick<EngineConfig, 'tables'>>(engine: E, note: (tokens: number) => void): E => ({
  ...engine,
  tables: {
    ...engine.tables,
    localPs: endless(engine.tables.localPs, null),
    sharedPs: endless(engine.tables.sharedPs, null),
    exchangePs: endless(engine.tables.exchangePs, note),
  },
})

const endless = (table: Float64Array, note: ((at: number) => void) | null): Float64Array =>
  new Proxy(table, {
    get(held, key) {
      const at = typeof key === 'string' ? Number(key) : Number.NaN
      if (Number.isNaN(at)) return Reflect.get(held, key, held)
      note?.(at)
      return held[at < held.length ? at : held.length - 1]
    },
  })

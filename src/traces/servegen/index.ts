/** Pools of ServeGen clients: rates and distributions from which requests are drawn. */
export { readPool } from './pool.js'
export { type PoolSummary, poolSummary } from './summary.js'

/** Pools of ServeGen clients: rates and distributions from which requests are drawn. */
export { type Pool, readPool } from './pool.js'
export { type ClientSummary, type LengthQuantiles, type PoolSummary, poolSummary } from './summary.js'

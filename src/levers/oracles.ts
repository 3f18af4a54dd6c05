/** Names of arms that have what no real scheduler could have. They are bounds: no tuner picks them, no report counts them as a gain. */
const PREFIX = 'oracle-'

/** Oracles that every comparison may run; a scenario's own have other names. */
export const ORACLE_ARMS = ['oracle-static', 'oracle-floor', 'oracle-step', 'oracle-dispatch'] as const

export const isOracleArm = ({ name }: { readonly name: string }): boolean => name.startsWith(PREFIX)

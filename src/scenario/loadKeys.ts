/** Which amounts belong to which way of offering load; shared by the rules and by `--set`. */
export const LOAD_METHODS = ['superpose', 'speed_up', 'closed_loop', 'as_recorded'] as const
export type LoadMethod = (typeof LOAD_METHODS)[number]

export const LOAD_AMOUNTS = ['fraction', 'rate_per_s', 'speed_up', 'concurrency'] as const
export type LoadAmount = (typeof LOAD_AMOUNTS)[number]

/** Where a trace has both a time and a parent for a request: it comes at its time, or when the answer before it has come and its wait is over. */
export const SESSION_REPLAYS = ['recorded', 'closed'] as const
export type SessionReplay = (typeof SESSION_REPLAYS)[number]

/** Amounts with an effect; exactly one is given (superpose has a default fraction). */
export const AMOUNTS_OF: Readonly<Record<LoadMethod, readonly LoadAmount[]>> = {
  superpose: ['fraction', 'rate_per_s'],
  speed_up: ['speed_up'],
  closed_loop: ['concurrency'],
  as_recorded: [],
}

/** Keys of a workload that belong to the preset `uniform` alone. */
export const UNIFORM_KEYS = ['isl', 'osl', 'spread', 'requests'] as const

/** The numbers of a simulation that belong to no engine, rank or request: indices into one array, so that a snapshot is a copy. */
export const NOW = 0
export const NEXT_REQUEST = 1
export const WAITING_TOTAL = 2
export const FREE_HEAD = 3
export const EVENTS = 4
export const STEPS = 5
export const OUTPUT_TOKENS = 6
export const INPUT_TOKENS = 7
export const STEP_PS = 8
export const GATING_ATTENTION_PS = 9
export const MAX_ATTENTION_PS = 10
export const DECODE_SEQUENCES = 11
export const PREEMPTIONS = 12
export const IN_FLIGHT = 13
/** Requests in the queues of decode engines; WAITING_TOTAL counts those of all others. */
export const DECODE_WAITING = 14
/** Entries of the heap of transfer events. */
export const TRANSFERS = 15
/** The engine whose step end is being served; the number of engines when it is another event, which follows all step ends of its time. */
export const SERVING = 16
/** The last event that was no step end: its time, and how many events there were with it. */
export const OTHER_NS = 17
export const OTHER_EVENTS = 18
/** Migrations begun in the measure window, and the bytes that they move. */
export const MIGRATIONS = 19
export const MIGRATED_BYTES = 20
/** Engines that took their other role. */
export const ROLE_CHANGES = 21
/** Of the steps, their time, the input tokens and the attention times, what engines of the role `prefill` have. */
export const PREFILL_STEPS = 22
export const PREFILL_STEP_PS = 23
export const PREFILL_INPUT_TOKENS = 24
export const PREFILL_GATING_PS = 25
export const PREFILL_MAX_PS = 26
export const SCALARS = 27

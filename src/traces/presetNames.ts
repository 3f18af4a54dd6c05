/** Names of the shipped workloads. */

/** Presets that have a file in traces/. */
export const SHIPPED = ['chat', 'code', 'rag', 'reasoning', 'agent', 'agent-steps', 'batch', 'mixed'] as const
export const PRESETS = [...SHIPPED, 'equal'] as const
export type PresetName = (typeof PRESETS)[number]

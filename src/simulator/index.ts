/**
 * The hot core. Start reading at `docs/SEMANTICS.md` (what both simulators must do), then `simulation.ts` (the driver and its event
 * loop), `step.ts` with `schedule.ts` (a step and who takes part in it), `transfers.ts` (from prefill to decode engines). Pure: no
 * clock, no file, no environment.
 */

export type { ClusterConfig, EngineConfig, LoadConfig, MeasureWindow } from './config.js'
export { policyFault } from './policyFault.js'
export type { Advance, SeriesSample, Simulation, SimulationOptions, SimulationResult } from './simulation.js'
export { createSimulation, EVENTS_PER_TURN, eventsPerTurn, simulate } from './simulation.js'

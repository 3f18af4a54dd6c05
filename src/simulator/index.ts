/**
 * The hot core. Start reading at `simulation.ts` (the driver and its event loop), then `engine.ts` (a step), `docs/SEMANTICS.md`
 * (what both simulators must do). Pure: no clock, no file, no environment.
 */

export type { ClusterConfig, EngineConfig, LoadConfig, MeasureWindow } from './config.js'
export type { SeriesSample, SimulateOptions, Simulation, SimulationOptions, SimulationResult } from './simulation.js'
export { createSimulation, simulate } from './simulation.js'

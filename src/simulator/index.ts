/**
 * The hot core. Start reading at `simulation.ts` (the driver and its event loop), then `engine.ts` (a step), `docs/SEMANTICS.md`
 * (what both simulators must do). Pure: no clock, no file, no environment.
 */
export { createSimulation, simulate } from './simulation.js'
export type { SeriesSample, SimulateOptions, Simulation, SimulationOptions, SimulationResult } from './simulation.js'
export type { ClusterConfig, EngineConfig, LoadConfig, MeasureWindow } from './config.js'

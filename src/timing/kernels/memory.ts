/** How fast the memory of a measured system is, from its data file. */
import { loadSystem } from '../../hardware/load.js'

/** Peak, bytes per us. */
export const memoryBytesPerUs = (system: string): number => loadSystem(system).hbmBytesPerS.value / 1e6

/** Share of the peak that memory-bound passes reach: AIConfigurator's assumption, not measured. */
const PASS_SHARE = 0.8

/** Bytes per us of a memory-bound pass. */
export const passBytesPerUs = (system: string): number => PASS_SHARE * memoryBytesPerUs(system)

/** The fair experiment. Reading order: cell.ts, cells.ts, runCell.ts, verdict.ts; protocol.ts says what is fixed beforehand. */
export type { Cell, TraceName } from './cell.js'
export { allCells, type Control, EXPECTED, HYPERCUBE_SEED, POINTS, quickCells } from './cells.js'
export { costOf } from './cost.js'
export { AXES, AXIS_NAMES, type AxisName, hypercubePoints, type Point } from './hypercube.js'
export { cellKey, type Protocol, protocolOf, SEED } from './protocol.js'
export type { CellResult } from './result.js'
export { type Parts, partsOf } from './traffic.js'
export {
  CLAIMED,
  gainOf,
  gapTo,
  isOverloaded,
  isUnstable,
  isUnsteady,
  type Judged,
  judge,
  leverShares,
  loadShare,
  mixOf,
  NO_GAIN,
  ratioOf,
  readingOf,
} from './verdict.js'

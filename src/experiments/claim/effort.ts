/** How long the runs of a cell last. Lengths are in mean E2E (closed loop: in requests for each place); see sizing.ts. */
import type { EffortPlan } from '../sizing.js'
import type { EffortName } from './cell.js'

export const CELL_EFFORTS: Readonly<Record<EffortName, EffortPlan>> = {
  // finalists of the first two rounds are chosen from on the validation part
  full: {
    tuning: [
      { keep: 1000, warmup: 2, measure: 3 },
      { keep: 8, warmup: 4, measure: 8 },
      { keep: 3, warmup: 6, measure: 15 },
    ],
    capacity: { warmup: 5, measure: 25, replicates: 4, requests: { least: 5000, most: 40_000 } },
    measure: 30,
    warmup: 6,
    // with 2 % missing a gain of 10.0 % read 12.3 in the one case looked at (docs/SEMANTICS.md, warm-up)
    missing: 0.005,
    requests: { least: 1500, most: 12_000 },
  },
  point: {
    tuning: [
      { keep: 1000, warmup: 2, measure: 3 },
      { keep: 6, warmup: 4, measure: 8 },
      { keep: 3, warmup: 5, measure: 15 },
    ],
    capacity: { warmup: 4, measure: 25, replicates: 4, requests: { least: 5000, most: 40_000 } },
    measure: 20,
    warmup: 5,
    missing: 0.05,
    requests: { least: 1500, most: 8000 },
  },
  tiny: {
    tuning: [
      { keep: 1000, warmup: 1, measure: 2 },
      { keep: 2, warmup: 2, measure: 4 },
    ],
    capacity: { warmup: 2, measure: 4, replicates: 4, requests: { least: 200, most: 400 } },
    measure: 8,
    warmup: 2,
    missing: 0.3,
    requests: { least: 200, most: 400 },
  },
}

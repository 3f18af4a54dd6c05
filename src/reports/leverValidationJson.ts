/** `validate levers --format json`. */

import { sixDigits } from '../units.js'
import type { LeverTotals } from '../validation/levers/score.js'
import { pct } from './format.js'
import type { LeverReport } from './leverValidation.js'

const totalsJson = (totals: LeverTotals) => ({
  judged: totals.cells,
  signs: totals.signs,
  signs_right: totals.signsRight,
  signs_right_pct: pct(totals.signsRight / totals.signs),
  published_gains: totals.gains,
  sizes: totals.sizes,
  median_error_pct: pct(totals.medianError),
  missed: totals.missed,
})

export function leverValidationJson({ validation: { scored, totals }, others, wrong }: LeverReport) {
  return {
    cells: scored.map(({ cell, simulated, error, sign, missed }) => ({
      id: cell.id,
      role: cell.role,
      source: cell.source,
      gpu: cell.gpu,
      trust: cell.trust,
      quantity: cell.quantity,
      published: cell.published,
      simulated: sixDigits(simulated.value),
      range: simulated.range?.map(sixDigits) ?? null,
      by: simulated.by,
      error_pct: error === null ? null : pct(error),
      published_sign: sign?.published ?? null,
      simulated_sign: sign?.simulated ?? null,
      missed,
      why_missed: missed ? (cell.missed ?? null) : null,
      not_fitted_because: cell.unused ?? null,
      assumed: cell.assumed,
    })),
    totals: totalsJson(totals),
    other_readings: others.map(({ policy, totals: of }) => ({ policy, ...totalsJson(of) })),
    wrong_constants: wrong.map(({ b, o, batches, loss, worstLoss, gain, worstGain, worstEqualGain }) => ({
      b,
      o,
      batches,
      time_over_true_constants: sixDigits(loss),
      worst_time_over_true_constants: sixDigits(worstLoss),
      gain_over_occupancy_rule: sixDigits(gain),
      worst_gain_over_occupancy_rule: sixDigits(worstGain),
      worst_gain_equal_lengths: sixDigits(worstEqualGain),
    })),
  }
}

/** Cross-validation: every row is predicted with constants that were fitted without its configuration, or without its model and system. */
import { shuffled, stream } from '../../rng.js'
import type { Constants } from '../../timing/index.js'
import { type Fit, type FitRequest, type FitRow, iterate } from './fit.js'

export type FoldRule = 'config_key' | 'pair'

/** Rows left out together, and their names. */
export interface Fold {
  readonly name: string
  readonly heldOut: ReadonlySet<string>
}

/** Folds by true shape (`config_key`; dealt at random into `count`), or one for each model and system (`pair`). */
export function foldsOf(rows: readonly FitRow[], rule: FoldRule, count: number, seed: number): Fold[] {
  if (rule === 'pair') {
    const pairs = [...new Set(rows.map(({ plan }) => `${plan.model} on ${plan.system}`))].sort()
    return pairs.map((name) => ({ name, heldOut: idsWhere(rows, ({ plan }) => `${plan.model} on ${plan.system}` === name) }))
  }
  const keys = shuffled([...new Set(rows.map(({ plan }) => plan.shapeKey))].sort(), stream(seed, 'folds'))
  const foldOf = new Map(keys.map((key, i) => [key, i % count]))
  return Array.from({ length: Math.min(count, keys.length) }, (_, fold) => ({
    name: `fold ${fold + 1}`,
    heldOut: idsWhere(rows, ({ plan }) => foldOf.get(plan.shapeKey) === fold),
  }))
}

const idsWhere = (rows: readonly FitRow[], test: (row: FitRow) => boolean): Set<string> =>
  new Set(rows.filter(test).map(({ plan }) => plan.id))

/** The first uses simulations of the fit of all rows. */
const FOLD_ITERATIONS = 2

export interface FoldFit {
  readonly fold: Fold
  readonly constants: Constants
}

/**
 * A fold's own optimum: from the constants of all rows, iterations on the rows that stay. Their residuals are simulated anew; only the
 * slopes come from the fit of all rows. The loss and the prior see no row that was left out, so neither does the optimum.
 */
export async function fitFolds(request: FitRequest, full: Fit, folds: readonly Fold[]): Promise<FoldFit[]> {
  const fits: FoldFit[] = []
  for (const fold of folds) {
    const rows = request.rows.filter(({ plan }) => !fold.heldOut.has(plan.id))
    const report: FitRequest['report'] = (stage, done, total) => request.report(`${fold.name}: ${stage}`, done, total)
    const constants = await iterate({ ...request, rows, report }, full.slopes, full.constants, FOLD_ITERATIONS)
    fits.push({ fold, constants })
  }
  return fits
}

/** One row as a job: plain data in, plain data out, so that it runs in this thread or in a worker alike. */
import { UserError } from '../errors.js'
import type { Constants } from '../timing/index.js'
import { type RowResult, type RunSettings, simulateRow } from './protocol.js'
import type { RowPlan } from './rowPlan.js'

export interface RowJob {
  readonly plan: RowPlan
  readonly constants: Constants
  readonly settings: RunSettings
}

/** A row whose cut or kernels cannot be priced is refused with the reason, like one that cannot be read. */
export type RowAnswer = RowResult | { readonly id: string; readonly refused: string }

export function runRowJob({ plan, constants, settings }: RowJob): RowAnswer {
  try {
    return simulateRow(plan, constants, settings)
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    return { id: plan.id, refused: error.faults.map(({ message }) => message).join(' ') }
  }
}

/** Work of a job in tokens: heavy ones are begun first, so that no thread is left with one at the end. */
export const jobWeight = ({ plan, settings }: RowJob): number => plan.concurrency * plan.osl * settings.requestsPerPlace

/** The published cells against what the model makes of them: sign and size, cell by cell, and the totals. */
import { median } from 'simple-statistics'
import { type Cell, loadCells } from './cells.js'
import { contextParallelGain } from './contextParallel.js'
import { coefficient, kernelGain, kernelTime, penaltyShare } from './kernelCells.js'
import { balanceGain } from './prefillWait.js'
import { throughputGain } from './prefillWaitRuns.js'
import type { Simulated } from './simulated.js'

/** Ratios within 2 % of 1 are no change: launches of one kernel repeat no better. */
const NO_CHANGE = 0.02
/** Bars, set before the first comparison. */
export const SIGN_BAR = 0.9
export const SIZE_BAR = 0.2

export type Sign = 'gain' | 'loss' | 'none'

export interface ScoredCell {
  readonly cell: Cell
  readonly simulated: Simulated
  /** Simulated / published - 1; null when only the sign is published. */
  readonly error: number | null
  /** null for cells that are no comparison of two ways. */
  readonly sign: { readonly published: Sign; readonly simulated: Sign } | null
  /** Wrong sign, or off by more than the bar of sizes. */
  readonly missed: boolean
}

export interface LeverTotals {
  readonly cells: number
  readonly signs: number
  readonly signsRight: number
  /** Signs that a model would get right which calls everything a gain. */
  readonly gains: number
  readonly sizes: number
  /** Median of |error|. */
  readonly medianError: number
  readonly missed: number
}

export interface LeverValidation {
  readonly scored: readonly ScoredCell[]
  readonly totals: LeverTotals
}

export function signOf(ratio: number): Sign {
  if (ratio > 1 + NO_CHANGE) return 'gain'
  return ratio < 1 - NO_CHANGE ? 'loss' : 'none'
}

/** What the model says of one cell. */
function simulate({ id, setting, quantity }: Cell): Simulated {
  switch (setting.kind) {
    case 'kernel':
      return kernelGain(id, setting)
    case 'kernel-time':
      return kernelTime(setting)
    case 'coefficient':
      return coefficient(setting)
    case 'penalty-share':
      return penaltyShare(id, setting)
    case 'prefill-wait':
      return quantity === 'balance_ratio' ? balanceGain(setting) : throughputGain(setting)
    case 'context-parallel':
      return contextParallelGain(setting)
  }
}

function score(cell: Cell): ScoredCell {
  const simulated = simulate(cell)
  const { published, quantity } = cell
  const error = published === null ? null : simulated.value / published - 1
  const sign = signsOf(cell, simulated)
  const wrongSign = sign !== null && sign.published !== sign.simulated
  const tooFar = error !== null && Math.abs(error) > SIZE_BAR
  const compared = quantity === 'speed_up' || quantity === 'balance_ratio' || quantity === 'share'
  return { cell, simulated, error, sign, missed: compared && (wrongSign || tooFar) }
}

function signsOf({ quantity, published, sign }: Cell, { value }: Simulated): ScoredCell['sign'] {
  if (quantity === 'share') return { published: 'loss', simulated: value > 0 ? 'loss' : 'none' }
  if (quantity !== 'speed_up' && quantity !== 'balance_ratio') return null
  return { published: published === null ? (sign ?? 'none') : signOf(published), simulated: signOf(value) }
}

export function totalsOf(scored: readonly ScoredCell[]): LeverTotals {
  const judged = scored.filter(({ cell }) => cell.role === 'judge')
  const signs = judged.flatMap(({ sign }) => (sign === null ? [] : [sign]))
  const errors = judged.flatMap(({ error }) => (error === null ? [] : [Math.abs(error)]))
  return {
    cells: judged.length,
    signs: signs.length,
    signsRight: signs.filter(({ published, simulated }) => published === simulated).length,
    gains: signs.filter(({ published }) => published === 'gain').length,
    sizes: errors.length,
    medianError: errors.length === 0 ? Number.NaN : median(errors),
    missed: judged.filter(({ missed }) => missed).length,
  }
}

/** What a source calls its balanced scheduler may be any of these; the cells take it to be the first. */
const BALANCED = ['length-aware', 'payload(320)', 'average-load', 'gated(5)'] as const

export interface OtherReading {
  readonly policy: string
  readonly totals: LeverTotals
}

/** The totals, had the balanced scheduler of the sources been another policy. */
export function otherReadings({ scored }: LeverValidation): OtherReading[] {
  const [meant, ...others] = BALANCED
  return others.map((policy) => {
    const again = scored.map((one): ScoredCell => {
      const { cell } = one
      const { setting } = cell
      if (cell.role !== 'judge' || setting.kind !== 'kernel' || setting.candidate !== meant) return one
      return score({ ...cell, setting: { ...setting, candidate: policy } })
    })
    return { policy, totals: totalsOf(again) }
  })
}

/** Every published cell; the same on every machine. */
export function validateLevers(cells: readonly Cell[] = loadCells()): LeverValidation {
  const scored = cells.map(score)
  return { scored, totals: totalsOf(scored) }
}

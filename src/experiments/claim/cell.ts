/**
 * The fair experiment as data. A cell is one question (this traffic, these engines, this load: does knowing shapes help?) and holds all that its
 * answer depends on, so that its hash names the answer. Reading order: this file, cells.ts and hypercube.ts (which cells there are), runCell.ts
 * (one cell), verdict.ts (what follows).
 */
import type { Family } from '../families.js'
import { READINGS, type Readings } from '../rows.js'
import { NEUTRAL, type Perturbation } from './perturb.js'

export const TRACES = ['azure-conv', 'azure-code', 'moon-conv', 'moon-synthetic', 'reasoning', 'agentic'] as const
export type TraceName = (typeof TRACES)[number]

export const LAYOUTS = ['r1-dep16', 'r1-dep32', 'r1-tp8', 'oss-tp4', 'llama-tp4'] as const
export type LayoutName = (typeof LAYOUTS)[number]

/** `elsewhere`: prompts are computed at once and for nothing, so that decode alone binds; `here`: the engines that decode compute them too. */
export const PROMPTS = ['elsewhere', 'here'] as const
export type Prompts = (typeof PROMPTS)[number]

/**
 * What is done to the lengths of a trace: nothing; pairs of (input, output) dealt out anew; everybody the mean; everybody 8192 input and 64 output
 * tokens.
 */
export type Lengths = 'own' | 'shuffled' | 'mean' | 'equal'

export type CellFamily = 'primary' | 'together' | 'control' | 'hypercube'

/** Arms beside those that are tuned: see `extraArms`. */
export type ExtraArm = 'occupancy-rule' | 'placebo' | 'oracle-step'

export interface Cell {
  /** Unique, and fit for people: `primary/moon-conv/r1-dep32`. */
  readonly id: string
  readonly family: CellFamily
  readonly trace: TraceName
  readonly lengths: Lengths
  readonly layout: LayoutName
  readonly system: 'gb200' | 'gb300'
  readonly prompts: Prompts
  /** Share of the static arm's capacity that every arm is offered; or requests in flight for each rank. */
  readonly load: { readonly fraction: number } | { readonly perRank: number }
  /** Sequences of a rank at most: the batch cap, equal in all arms. */
  readonly maxNumSeqs: number
  /** The SLO on the mean time between tokens, ms. */
  readonly tpotMs: number
  readonly perturbation: Perturbation
  readonly replicates: number
  readonly tuned: readonly Family[]
  readonly extra: readonly ExtraArm[]
  readonly readings: readonly (keyof Readings)[]
  /** Replicates of the arms in which one lever is changed; 0 = none. */
  readonly attribution: number
  readonly effort: EffortName
}

/** How long runs last: see effort.ts. */
export type EffortName = 'full' | 'point' | 'tiny'

/** The batch cap and the SLO (mean time between tokens) of each layout where nothing else is said. */
export const DEFAULTS: Readonly<Record<LayoutName, { readonly maxNumSeqs: number; readonly tpotMs: number }>> = {
  'r1-dep16': { maxNumSeqs: 256, tpotMs: 50 },
  'r1-dep32': { maxNumSeqs: 256, tpotMs: 50 },
  'r1-tp8': { maxNumSeqs: 256, tpotMs: 50 },
  'oss-tp4': { maxNumSeqs: 512, tpotMs: 15 },
  'llama-tp4': { maxNumSeqs: 256, tpotMs: 30 },
}
/** Prompts on the engines that decode put chunks between the tokens: the limit is four times as wide, and the first token may take long. */
export const TOGETHER_TPOT = 4
export const TOGETHER_TTFT_MS = 60_000

/** A cell of the primary family; everything else is a change of it. */
export function primaryCell(trace: TraceName, layout: LayoutName): Cell {
  return {
    id: `primary/${trace}/${layout}`,
    family: 'primary',
    trace,
    lengths: 'own',
    layout,
    system: 'gb200',
    prompts: 'elsewhere',
    load: { fraction: 0.7 },
    ...DEFAULTS[layout],
    perturbation: NEUTRAL,
    replicates: 20,
    tuned: ['tuned-static', 'tuned-size', 'shape-aware', 'oracle-static'],
    extra: ['occupancy-rule', 'oracle-step'],
    readings: READINGS,
    attribution: 5,
    effort: 'full',
  }
}

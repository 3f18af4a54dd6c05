/** What the split policies of the arm and of the static arm make of one batch, for `explain`. */
import { UserError } from '../../errors.js'
import { type ArmSpec, createArm, createSplitEvaluator, type SplitMachine } from '../../levers/index.js'
import { planningPsOf } from '../../levers/split/planning.js'
import { LOAD_LIMIT_MS, withinLimit } from '../../policies/index.js'
import { columns } from '../../reports/columns.js'
import { change } from '../../reports/format.js'
import { policyFault } from '../../simulator/index.js'
import { PS_PER_US } from '../../units.js'
import type { BatchText } from './batch.js'

/** Field names are the printed ones: this is part of the JSON. */
export interface ArmSplit {
  readonly name: string
  readonly split: string
  /** Time of the decode attention kernel over that of the step tables; null where nothing decodes. */
  readonly split_factor: number | null
  /** Time of the whole step, the planning of the split policy included. */
  readonly step_us: number
}

/** `stepUs`: time of the step for a factor of its kernel, planning left out. */
export function splitOf(
  arm: ArmSpec,
  batch: BatchText,
  machine: SplitMachine,
  maxNumSeqs: number,
  stepUs: (factor: number) => number,
): ArmSplit {
  const policy = createArm(arm).split
  const common = { name: arm.name, split: policy.info.name }
  const { sequences: n, kvTokens: totalTokens } = batch
  if (n === 0) return { ...common, split_factor: null, step_us: stepUs(1) }
  const lengths = Float64Array.from(batch.lengths)
  return decided(arm, () => {
    const factor = createSplitEvaluator(machine, maxNumSeqs).factor(policy, { n, lengths, totalTokens })
    return { ...common, split_factor: factor, step_us: stepUs(factor) + planningPsOf(policy, n) / PS_PER_US }
  })
}

/** What `act` asks of the split policy of `arm`. Nobody watches this thread, so a decision without end is ended from within. */
function decided<T>({ name, split }: ArmSpec, act: () => T): T {
  try {
    return withinLimit(act)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw policyFault(error)
    throw new UserError({
      where: `arms.${name}.split`,
      message: `policy ${split} did not answer within ${LOAD_LIMIT_MS / 1e3} s`,
      hint: 'look for an endless loop in plan or planningPs',
    })
  }
}

/** Arm over baseline: below 1 the arm is faster. */
export const ratioOf = (arm: ArmSplit, baseline: ArmSplit): Pick<ArmSplit, 'split_factor' | 'step_us'> => ({
  split_factor: arm.split_factor === null || baseline.split_factor === null ? null : arm.split_factor / baseline.split_factor,
  step_us: arm.step_us / baseline.step_us,
})

/**
 * Both arms and the comparison. A factor alone reads as a gain or a loss and is neither: what it is measured by, the time of the tables, is that of
 * equal lengths, and every arm takes longer on a ragged batch.
 */
export function splitText(arm: ArmSplit, baseline: ArmSplit, { sequences, kvTokens }: BatchText): string {
  const isBaseline = arm.name === baseline.name
  const rows = (isBaseline ? [baseline] : [baseline, arm]).map(({ name, split, split_factor, step_us }) => [
    name,
    split,
    `x ${(split_factor as number).toFixed(3)}`,
    step_us.toFixed(1),
  ])
  const mean = Math.ceil(kvTokens / sequences).toLocaleString('en-US')
  const equal = sequences === 1 ? 'this one sequence' : `${sequences} sequences of the mean length, ${mean} tokens each`
  const { split_factor: kernel, step_us: step } = ratioOf(arm, baseline)
  return [
    columns([['arm', 'split', 'attention', 'step us'], ...rows], [2, 3]),
    `x 1 is the decode attention of the step tables: the shipped rule on ${equal}`,
    ...(isBaseline
      ? []
      : [
          `against static on this batch, ${arm.name} takes ${timeWords(kernel as number)} for decode attention and ${timeWords(step)} for the step`,
        ]),
  ].join('\n')
}

/** 0.493 -> 50.7 % less time. */
function timeWords(ratio: number): string {
  const text = change(ratio)
  return text === '0.0 %' ? 'the same time' : `${text.slice(1)} ${ratio < 1 ? 'less' : 'more'} time`
}

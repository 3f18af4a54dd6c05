/** The arms of a cell: those that are tuned, and those that stand beside them. */
import type { ArmSpec } from '../../levers/lever.js'
import type { Experiment } from '../experiment.js'
import { type Family, familyGrid, incumbentOf } from '../families.js'
import type { OperatingPoint } from '../operatingPoint.js'
import { tune, tuningDraw } from '../tune.js'
import type { Cell, ExtraArm } from './cell.js'

/** All rounds but the last on the training part, the last on the validation part; the oracle sees the test part from the beginning. */
export async function tuneOn(cell: Cell, experiment: Experiment, point: OperatingPoint, family: Family): Promise<ArmSpec> {
  const { config, executor, effort } = experiment
  const rounds = effort.tuning
  const { arm } = await tune({
    executor,
    grid: familyGrid(family, config).map((one) => believing(cell, one)),
    rounds,
    incumbent: incumbentOf(family, config),
    jobOf: (one, round) => {
      const part = family === 'oracle-static' ? 'test' : round === rounds[rounds.length - 1] ? 'validation' : 'train'
      return point.tuning(one, tuningDraw(part), round)
    },
  })
  return arm
}

/** The arm with a planner that believes in other constants than those that its kernels are timed by. */
function believing({ perturbation: { plannerB, plannerO } }: Cell, arm: ArmSpec): ArmSpec {
  if (arm.split !== 'length-aware' || (plannerB === 1 && plannerO === 1)) return arm
  return { ...arm, split: `length-aware(b=${plannerB},o=${plannerO})` }
}

export function extraArms(cell: Cell, staticArm: ArmSpec, tuned: readonly ArmSpec[]): ArmSpec[] {
  const named = (family: Family): ArmSpec => tuned.find(({ name }) => name === family) as ArmSpec
  const made: Readonly<Record<ExtraArm, () => ArmSpec>> = {
    'occupancy-rule': () => ({ ...staticArm, split: 'occupancy-rule' }),
    placebo: () => ({ ...named('tuned-static'), split: 'random-count(32)' }),
    'oracle-step': () => ({ ...named('shape-aware'), split: 'oracle-split' }),
  }
  return cell.extra.map((name) => ({ ...made[name](), name }))
}

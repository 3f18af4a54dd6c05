/**
 * One cell, from its traffic to the numbers that the verdict needs: the operating point with the static arm, every family tuned on the training part
 * and chosen on the validation part, all arms on the same replicates of the test part. Pure: the same cell gives the same bytes anywhere.
 */
import { UserError } from '../../errors.js'
import { inlineExecutor } from '../../executors/inline.js'
import { staticArm } from '../../levers/catalogue.js'
import type { ArmSpec } from '../../levers/lever.js'
import { differing, factorialArms } from '../attribution/arms.js'
import type { Experiment } from '../experiment.js'
import type { JobContext, Outcome } from '../job.js'
import { printedNumber } from '../json.js'
import { findOperatingPoint, type OperatingPoint } from '../operatingPoint.js'
import { runReplicates } from '../replicates.js'
import { ownReading, type Readings } from '../rows.js'
import { decodingRanks } from '../sizing.js'
import { extraArms, tuneOn } from './arms.js'
import type { Cell } from './cell.js'
import { configOf, planOf } from './cluster.js'
import { CELL_EFFORTS } from './effort.js'
import { type CellResult, factsOf, KEPT, short, VOID, valuesOf } from './result.js'
import { type Parts, withLengths } from './traffic.js'

/** Throws UserError for a trace that is too short. A static arm that meets the SLO at no load makes the cell void, with the reason. */
export async function runCell(cell: Cell, parts: Parts, seed: number, signal?: AbortSignal): Promise<CellResult> {
  const plan = planOf(cell, seed)
  const config = configOf(plan, cell)
  const part = (name: keyof Parts) => withLengths(parts[name], cell.lengths, seed)
  const context: JobContext = {
    config,
    parts: { train: part('train'), validation: part('validation'), test: part('test') },
    seed,
    slo: plan.slo.interactive,
    speedUp: null,
  }
  const effort = CELL_EFFORTS[cell.effort]
  const executor = inlineExecutor({ context, threads: 1, signal })
  const experiment: Experiment = {
    plan,
    config,
    workload: context.parts.train,
    context,
    executor,
    effort,
    stage: () => {},
    done: () => {},
  }
  try {
    return await measure(cell, experiment)
  } catch (error) {
    if (!(error instanceof UserError) || error.faults[0].where !== 'workload.load.fraction') throw error
    return { id: cell.id, void_because: error.faults[0].message, ...VOID }
  }
}

async function measure(cell: Cell, experiment: Experiment): Promise<CellResult> {
  const point = await findOperatingPoint(experiment)
  const tuned: ArmSpec[] = []
  for (const family of cell.tuned) tuned.push(await tuneOn(cell, experiment, point, family))
  const fixed = staticArm(experiment.config.engines)
  const arms = [fixed, ...tuned, ...extraArms(cell, fixed, tuned)]
  const readings = await readingsOf(cell, experiment, point, arms)
  const own = readings[ownReading(point.closed)]
  const attribution = await gamesOf(cell, experiment, point, tuned, own)
  const counts = (outcomes: readonly Outcome[]) => outcomes.map(({ summary }) => summary?.requests.injected)
  const injected = counts(own.get(fixed.name) ?? [])
  const first = own.get(fixed.name)?.[0].summary
  return {
    id: cell.id,
    void_because: null,
    static_capacity_rps: short(point.staticCapacity),
    offered_rps: point.closed ? null : short(point.ratePerS),
    concurrency: point.concurrency,
    replicate_e2e: short((first?.window_s ?? 0) / point.unitS),
    replicate_requests: first?.requests.injected ?? null,
    arms: arms.map((arm) => factsOf(arm, own.get(arm.name) ?? [], decodingRanks(experiment.config))),
    values: valuesOf(readings),
    attribution,
    same_traffic:
      point.closed || [...own.values()].every((outcomes) => counts(outcomes).every((count, i) => count === injected[i])),
  }
}

/** Replicates of the interval over the mix of traffic, of two arms: its width does not shrink with more. */
const MIX_REPLICATES = 8
/** Replicates of the step oracle, whose search takes some thirty times as long as any policy. */
const ORACLE_REPLICATES = 4
const MIX_ARMS = ['tuned-static', 'shape-aware']

/** All arms in all replicates at fixed load; the other readings of the arms that compete. */
async function readingsOf(
  cell: Cell,
  experiment: Experiment,
  point: OperatingPoint,
  arms: readonly ArmSpec[],
): Promise<Readings> {
  const run = (reading: keyof Readings, chosen: readonly ArmSpec[], replicates: number) =>
    cell.readings.includes(reading)
      ? runReplicates(experiment, point, chosen, { replicates, readings: [reading], pictured: [] })
      : null
  const mixed = arms.filter(({ name }) => MIX_ARMS.includes(name))
  const competing = arms.filter(({ name }) => !name.startsWith('oracle-'))
  const dear = arms.filter(({ name }) => name === 'oracle-step')
  const fixedLoad = await run(
    'fixedLoad',
    arms.filter((arm) => !dear.includes(arm)),
    cell.replicates,
  )
  const oracle = await run('fixedLoad', dear, Math.min(ORACLE_REPLICATES, cell.replicates))
  const fixedConcurrency = await run('fixedConcurrency', competing, cell.replicates)
  const mix = await run('mix', mixed, Math.min(MIX_REPLICATES, cell.replicates))
  const capacity = await run('capacity', competing, cell.replicates)
  return {
    fixedLoad: new Map([...(fixedLoad?.fixedLoad ?? []), ...(oracle?.fixedLoad ?? [])]),
    fixedConcurrency: fixedConcurrency?.fixedConcurrency ?? new Map(),
    mix: mix?.mix ?? new Map(),
    capacity: capacity?.capacity ?? new Map(),
  }
}

/** Every mix of the levers on which tuned-static and shape-aware differ, on the same replicates at the cell's own load; `known`: what ran there before. */
async function gamesOf(
  cell: Cell,
  experiment: Experiment,
  point: OperatingPoint,
  tuned: readonly ArmSpec[],
  known: ReadonlyMap<string, readonly Outcome[]>,
): Promise<CellResult['attribution']> {
  const from = tuned.find(({ name }) => name === 'tuned-static')
  const to = tuned.find(({ name }) => name === 'shape-aware')
  if (cell.attribution === 0 || !from || !to) return null
  const levers = differing(from, to, experiment.config)
  const arms = factorialArms(from, to, levers, experiment.config)
  const own = ownReading(point.closed)
  const readings = await runReplicates(experiment, point, arms.slice(1, -1), {
    replicates: cell.attribution,
    readings: [own],
    pictured: [],
  })
  const outcomes = arms.map(({ name }) => readings[own].get(name) ?? known.get(name) ?? [])
  const games = Array.from({ length: cell.attribution }, (_, replicate) =>
    outcomes.map((runs) => Math.log(KEPT['tok_s_user.p50'](runs[replicate]) ?? 0)),
  )
  return {
    levers,
    games: games.filter((game) => game.every(Number.isFinite)).map((game) => game.map((log) => printedNumber(log) as number)),
  }
}

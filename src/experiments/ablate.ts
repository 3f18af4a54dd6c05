/**
 * The ablation: which lever a gain comes from. Two arms differ on k levers; all 2^k mixes of their policies run on the same replicates of the test
 * part, and the gain is shared out among the levers (attribution/). Reading order: experiment.ts, this file, attribution/.
 */
import { UserError } from '../errors.js'
import { parsePolicy, STATIC_ARM, staticArm } from '../levers/catalogue.js'
import { type ArmSpec, LEVERS, type LeverName } from '../levers/lever.js'
import { isOracleArm } from '../levers/oracles.js'
import { spansAndMoves } from '../levers/together.js'
import type { Records } from '../metrics/records.js'
import { cautionsOf } from '../scenario/cautions.js'
import { costNote, gpuRatesOf } from '../scenario/gpuRates.js'
import { armResult } from './armResult.js'
import { inertNotes } from './armText.js'
import { differing, factorialArms } from './attribution/arms.js'
import { attribute } from './attribution/attribute.js'
import { boundAsOracle, boundOutcomes, CLAIRVOYANT, type ClairvoyantBound, clairvoyantBound } from './clairvoyant.js'
import { loadOf, offeredRate, recordOf, sessionNotes, tunedNotes } from './compare.js'
import { type Experiment, type ExperimentOptions, withExperiment } from './experiment.js'
import { FAMILIES, type Family, familyGrid, inertLevers } from './families.js'
import { identityOf } from './identity.js'
import type { Outcome } from './job.js'
import { CAPACITY, METRICS } from './metrics.js'
import { findOperatingPoint, type OperatingPoint } from './operatingPoint.js'
import { dispatchNotes, gapRows, oracleArms, oraclesOf, ownOracles } from './oracles.js'
import { runReplicates } from './replicates.js'
import type { AblationResult, Reading } from './result.js'
import { ownReading, type Readings } from './rows.js'
import { type Tuned, tuneFamily } from './tune.js'

export interface AblateOptions extends ExperimentOptions {
  /** Names of the two arms: static, a tuned family, or an arm of the plan. */
  readonly from: string
  readonly to: string
  /** Levers to attribute to; the others stay as in `from`. Null: all that differ. */
  readonly levers: readonly LeverName[] | null
  /** Run the reading of capacities too. */
  readonly capacity: boolean
  /** Run the oracles that take long too. */
  readonly oracles: boolean
}

export interface AblateOutput {
  readonly result: AblationResult
  /** All requests of the first replicate at the comparison's own load, of the two arms. */
  readonly records: readonly { readonly arm: string; readonly records: Records }[]
}

/** Shares the gain of one arm over another out among the levers on which they differ; threads and errors as in `compare`. */
export function ablate(options: AblateOptions): Promise<AblateOutput> {
  checkNames(options)
  return withExperiment(options, (experiment) => ablateOn(experiment, options))
}

/** Readings in the order in which they are reported. */
const READINGS: readonly (readonly [Reading, keyof Readings])[] = [
  ['fixed_load', 'fixedLoad'],
  ['fixed_concurrency', 'fixedConcurrency'],
  ['capacity', 'capacity'],
]

async function ablateOn(experiment: Experiment, options: AblateOptions): Promise<AblateOutput> {
  const { plan, workload, config } = experiment
  const { replicates, seed } = plan.experiment
  const point = await findOperatingPoint(experiment)
  const tuned = new Map<string, Tuned>()
  const armOf = async (name: string): Promise<ArmSpec> => {
    const fixed = fixedArm(experiment, name)
    if (fixed) return fixed
    const found = await tuneFamily(experiment, point, name as Family)
    tuned.set(name, found)
    return found.arm
  }
  const from = await armOf(options.from)
  const to = await armOf(options.to)
  const levers = leversOf(from, to, options)
  const arms = factorialArms(from, to, levers, config)
  const last = arms[arms.length - 1]
  const oracles = [...oracleArms(last, config, options.oracles), ...ownOracles(plan.arms)]

  const wanted = READINGS.filter(([reading]) => isRun(reading, point, options))
  const readings = await runReplicates(experiment, point, [...arms, ...oracles.map(({ arm }) => arm)], {
    replicates,
    readings: wanted.map(([, key]) => key),
    pictured: [from.name, last.name],
    withoutCapacity: oracles.map(({ arm }) => arm.name),
  })
  const bound = options.capacity ? clairvoyantBound(config, experiment.context.parts.test) : null
  const main = readings[ownReading(point.closed)]
  const first = (main.get(from.name) as Outcome[])[0]
  const offered = offeredRate(experiment, point)
  return {
    result: {
      ...identityOf(plan, workload, options.evidence),
      from: from.name,
      to: last.name,
      levers,
      same: LEVERS.filter((lever) => from[lever] === to[lever]),
      arms: arms.map((arm, coalition) => ({
        changed: levers.filter((_, i) => (coalition & (1 << i)) !== 0),
        ...armResult(
          arm,
          recordOf(tuned.get(arm.name), config),
          main.get(arm.name) as Outcome[],
          readings.capacity.get(arm.name) ?? [],
          offered,
          gpuRatesOf(plan),
        ),
      })),
      attributions: wanted.flatMap(([reading, key]) =>
        (reading === 'capacity' ? [CAPACITY] : METRICS).map((metric) =>
          attribute(
            levers,
            arms.map((arm) => readings[key].get(arm.name) as Outcome[]),
            reading,
            metric,
            seed,
          ),
        ),
      ),
      oracles: [...oraclesOf(oracles), ...(bound === null ? [] : [boundAsOracle(bound)])],
      gaps: wanted.flatMap(([reading, key]) =>
        gapRows(
          reading,
          [{ arm: last.name, baseline: from.name }],
          reading !== 'capacity' ? oracles.map(({ arm }) => arm.name) : bound === null ? [] : [CLAIRVOYANT],
          (name) => readings[key].get(name) ?? boundOutcomes(bound as ClairvoyantBound, replicates),
          seed,
        ),
      ),
      load: loadOf(experiment, point, first),
      notes: notesOf(experiment, point, options, { from, to, last, levers, tuned: [...tuned.values()] }),
    },
    records: [from, last].flatMap(({ name }) => {
      const picture = (main.get(name) as Outcome[])[0].picture
      return picture ? [{ arm: name, records: picture.records }] : []
    }),
  }
}

const isRun = (reading: Reading, { closed }: OperatingPoint, options: AblateOptions): boolean =>
  reading === 'fixed_concurrency' || (!closed && (reading === 'fixed_load' || options.capacity))

function fixedArm({ plan, config }: Pick<Experiment, 'plan' | 'config'>, name: string): ArmSpec | null {
  if (name === STATIC_ARM.name) return staticArm(config.engines)
  return plan.arms.find((arm) => arm.name === name) ?? null
}

function checkNames({ plan, config, from, to, levers, capacity }: AblateOptions): void {
  if (capacity && plan.workload.load.method === 'closed_loop')
    throw new UserError({
      where: '--capacity',
      message: 'has no effect in a closed loop, which has no rate to search',
      hint: 'leave it out, or use workload.load.method: superpose',
    })
  const names = [STATIC_ARM.name, ...FAMILIES, ...plan.arms.filter((arm) => !isOracleArm(arm)).map(({ name }) => name)]
  for (const [flag, name] of [
    ['--from', from],
    ['--to', to],
  ])
    if (!names.includes(name))
      throw new UserError({
        where: flag,
        message: `there is no arm '${name}' here`,
        hint: `choose one of ${names.join(', ')}; write your own under \`arms:\` of a scenario`,
      })
  if (from === to)
    throw new UserError({
      where: '--to',
      message: `is the arm of --from, '${from}': there is no gain to share out`,
      hint: 'name two different arms',
    })
  const inert = inertLevers(config)
  for (const lever of levers ?? []) {
    const why = inert.get(lever)
    if (why !== undefined)
      throw new UserError({ where: '--levers', message: `${lever} has no effect here: ${why}`, hint: `leave ${lever} out` })
  }
  const [before, after] = [fixedArm({ plan, config }, from), fixedArm({ plan, config }, to)]
  if (before && after) leversOf(before, after, { config, levers })
  // whatever is tuned of a family, none of its policies spreads contexts or moves requests: one setting stands for all
  const standing = (fixed: ArmSpec | null, name: string): ArmSpec => fixed ?? familyGrid(name as Family, config)[0]
  checkMixes(standing(before, from), standing(after, to), { config, levers })
}

/** Throws UserError where a mix of the two arms would spread contexts over ranks and move requests between them as well. */
function checkMixes(from: ArmSpec, to: ArmSpec, { config, levers: asked }: Pick<AblateOptions, 'config' | 'levers'>): void {
  const both = { from, to }
  const sides = ['from', 'to'] as const
  const spans = {
    from: parsePolicy('span', from.span, `arms.${from.name}.span`)(),
    to: parsePolicy('span', to.span, `arms.${to.name}.span`)(),
  }
  const ranks = {
    from: parsePolicy('rank', from.rank, `arms.${from.name}.rank`)(),
    to: parsePolicy('rank', to.rank, `arms.${to.name}.rank`)(),
  }
  /** The mix that cannot be, of those in which `levers` change. */
  const clashOf = (levers: readonly LeverName[]) => {
    const of = (lever: LeverName) => sides.slice(0, levers.includes(lever) ? 2 : 1)
    return of('span').flatMap((span) =>
      of('rank').flatMap((rank) => (spansAndMoves(spans[span], ranks[rank]) ? [{ span, rank }] : [])),
    )[0]
  }
  const levers = differing(from, to, config).filter((lever) => asked === null || asked.includes(lever))
  const clash = clashOf(levers)
  if (clash === undefined) return
  const fewer = (['rank', 'span'] as const)
    .map((left) => levers.filter((lever) => lever !== left))
    .find((rest) => rest.length > 0 && rest.length < levers.length && clashOf(rest) === undefined)
  const placing = `a rank policy that places requests on arrival in ${both[clash.rank].name}`
  throw new UserError({
    where: asked === null ? '--to' : '--levers',
    message: `a mix of ${from.name} and ${to.name} cannot be: span ${both[clash.span].span} of ${both[clash.span].name} spreads contexts over ranks, and rank ${both[clash.rank].rank} of ${both[clash.rank].name} decides at step boundaries where requests are`,
    hint: fewer === undefined ? `use ${placing}` : `use --levers ${fewer.join(',')}, or ${placing}`,
  })
}

/** The levers to attribute to: those asked for on which the arms differ. Throws UserError when there are none. */
function leversOf(from: ArmSpec, to: ArmSpec, { config, levers: asked }: Pick<AblateOptions, 'config' | 'levers'>): LeverName[] {
  const all = differing(from, to, config)
  const levers = all.filter((lever) => asked === null || asked.includes(lever))
  if (levers.length > 0) return levers
  const which = asked === null ? 'on every lever that has an effect here' : `of ${asked.join(', ')}`
  throw new UserError({
    where: asked === null ? '--to' : '--levers',
    message: `${from.name} and ${to.name} have the same policies ${which}: there is no gain to share out`,
    hint: all.length === 0 ? 'name arms that differ' : `they differ on ${all.join(', ')}`,
  })
}

interface NoteFacts {
  readonly from: ArmSpec
  readonly to: ArmSpec
  /** The mix with all levers changed. */
  readonly last: ArmSpec
  readonly levers: readonly LeverName[]
  /** Those of the two arms that were tuned. */
  readonly tuned: readonly Tuned[]
}

function notesOf(
  { workload, plan, config }: Experiment,
  point: OperatingPoint,
  options: AblateOptions,
  { from, to, last, levers, tuned }: NoteFacts,
): string[] {
  const isTuned = tuned.length > 0
  const left = differing(from, to, config).filter((lever) => !levers.includes(lever))
  const agreeing = (options.levers ?? []).filter((lever) => from[lever] === to[lever])
  return [
    ...(left.length === 0
      ? []
      : [
          `${left.join(', ')} stay${left.length === 1 ? 's' : ''} as in ${from.name}: the gain shared out is not that of ${to.name}.`,
        ]),
    ...(agreeing.length === 0
      ? []
      : [`Both arms have the same policy of ${agreeing.join(', ')}, so nothing is attributed to it.`]),
    ...inertNotes([from, to], config),
    ...sessionNotes(point),
    ...(point.closed ? ['Closed loop: the only reading is at fixed concurrency.'] : []),
    `${isTuned ? 'Tuning and the search for the load' : 'The search for the load'} saw the first half of ${workload.provenance.name} alone; all ${plan.experiment.replicates} replicates are from the second half.`,
    costNote(plan),
    ...(options.oracles ? dispatchNotes(last, config) : []),
    // where levers stay, the arm at the end is not that which was tuned
    ...tunedNotes(left.length === 0 ? tuned : tuned.filter(({ arm }) => arm.name === from.name), config),
    ...(isTuned
      ? ['Each lever has the policy that was tuned together with the others; tuned on its own, another mix might do better.']
      : []),
    ...cautionsOf(plan),
    'The split planner chooses with the cost model that scores it, so the gain of the split lever is an upper bound of a real planner.',
  ]
}

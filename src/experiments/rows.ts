/** Comparison rows: which arm over which baseline, by which metric, in which reading. */
import type { ArmSpec } from '../levers/lever.js'
import { isOracleArm } from '../levers/oracles.js'
import { fallsBehind } from '../metrics/saturation.js'
import { BUILT_IN, CHALLENGER } from './families.js'
import type { Outcome } from './job.js'
import { CAPACITY, METRICS, type Metric } from './metrics.js'
import type { ComparisonRow, Reading } from './result.js'
import { mixInterval, pairedRatio } from './statistics.js'

/** Outcomes per arm, in the order of the replicates. */
export interface Readings {
  readonly fixedLoad: Map<string, Outcome[]>
  readonly mix: Map<string, Outcome[]>
  readonly fixedConcurrency: Map<string, Outcome[]>
  readonly capacity: Map<string, Outcome[]>
}

/** Every reading, in the order in which they are run. */
export const READINGS: readonly (keyof Readings)[] = ['fixedLoad', 'mix', 'fixedConcurrency', 'capacity']

/** The reading of the comparison's own load: fixed load, in a closed loop fixed concurrency. */
export const ownReading = (closed: boolean): 'fixedLoad' | 'fixedConcurrency' => (closed ? 'fixedConcurrency' : 'fixedLoad')

const BASELINES = BUILT_IN.filter((name) => name !== CHALLENGER)

interface Pair {
  readonly baseline: string
  readonly arm: string
}

/** Everybody over static; the challengers over the two tuned statics too. Oracles challenge nobody. */
export function pairs(arms: readonly ArmSpec[]): Pair[] {
  const challengers = arms.filter((arm) => !BASELINES.includes(arm.name) && !isOracleArm(arm)).map((arm) => arm.name)
  return [
    ...['tuned-static', 'tuned-size', 'static'].flatMap((baseline) => challengers.map((arm) => ({ baseline, arm }))),
    ...['tuned-static', 'tuned-size'].map((arm) => ({ baseline: 'static', arm })),
  ]
}

/** The user's arms over shape-aware, then each over those before it. */
function ownPairs(arms: readonly ArmSpec[]): Pair[] {
  const names = arms.filter((arm) => !isOracleArm(arm)).map(({ name }) => name)
  const own = names.filter((name) => !BUILT_IN.includes(name))
  return [
    ...(names.includes(CHALLENGER) ? own.map((arm) => ({ baseline: CHALLENGER, arm })) : []),
    ...own.flatMap((arm, at) => own.slice(0, at).map((baseline) => ({ baseline, arm }))),
  ]
}

export function comparisonRows(arms: readonly ArmSpec[], readings: Readings, seed: number, closed: boolean): ComparisonRow[] {
  const rows: ComparisonRow[] = []
  const add = (reading: Reading, byArm: Map<string, Outcome[]>, metric: Metric, mix: Map<string, Outcome[]> | null) => {
    for (const { baseline, arm } of [...pairs(arms), ...ownPairs(arms)]) {
      const valuesOf = (source: Map<string, Outcome[]>, name: string) => (source.get(name) ?? []).map(metric.read)
      const stream = `${reading}/${metric.name}/${arm}/${baseline}`
      const paired = pairedRatio(valuesOf(byArm, arm), valuesOf(byArm, baseline), seed, stream)
      rows.push({
        reading,
        baseline,
        arm,
        metric: metric.name,
        better: metric.better,
        ratio: paired.ratio,
        ci95: paired.ci95,
        mix_ci95: mix === null ? null : mixInterval(valuesOf(mix, arm), valuesOf(mix, baseline)),
        n: paired.n,
        note: noteOf(metric, paired.ratio, byArm, mix, arm, baseline),
      })
    }
  }
  if (!closed) for (const metric of METRICS) add('fixed_load', readings.fixedLoad, metric, readings.mix)
  for (const metric of METRICS) add('fixed_concurrency', readings.fixedConcurrency, metric, null)
  if (!closed) add('capacity', readings.capacity, CAPACITY, null)
  return rows
}

/** Why a search found no capacity, of outcomes that lack one among others. */
function lackOfCapacity(outcomes: readonly Outcome[]): string {
  const missing = outcomes.filter(({ capacityPerS }) => capacityPerS === null)
  const beyond = missing.filter(({ isUnbounded }) => isUnbounded).length
  if (beyond === 0) return 'meets the SLO at no load tried'
  return beyond === missing.length ? 'meets the SLO at every load tried' : 'meets the SLO at no load tried or at every one'
}

function noteOf(
  metric: Metric,
  ratio: number | null,
  byArm: Map<string, Outcome[]>,
  mix: Map<string, Outcome[]> | null,
  arm: string,
  baseline: string,
): string | null {
  if (ratio === null)
    return metric === CAPACITY
      ? `one of the two ${lackOfCapacity([arm, baseline].flatMap((name) => byArm.get(name) ?? []))}`
      : 'undefined in one of the two: no request of the window has it'
  const ofMix = mix === null ? [] : doubts(metric, mix, arm, baseline).map((doubt) => `other mixes: ${doubt}`)
  const notes = [...doubts(metric, byArm, arm, baseline), ...ofMix]
  return notes.length > 0 ? notes.join('; ') : null
}

/** What a reader of a ratio should know of the runs behind it. */
function doubts(metric: Metric, byArm: Map<string, Outcome[]>, arm: string, baseline: string): string[] {
  const lacking = [arm, baseline].flatMap((name) => {
    const outcomes = byArm.get(name) ?? []
    const missing = outcomes.filter((outcome) => !((metric.read(outcome) ?? 0) > 0))
    if (missing.length === 0) return []
    const lack = metric === CAPACITY ? lackOfCapacity(missing) : 'is undefined or zero'
    return [`${name} ${lack} in ${missing.length} of ${outcomes.length} replicates, which are left out`]
  })
  const saturated = [arm, baseline].filter((name) =>
    byArm.get(name)?.some((o) => o.summary !== null && fallsBehind(o.summary.saturation.label)),
  )
  return [...lacking, ...(saturated.length > 0 ? [`not stable in some replicate: ${saturated.join(', ')}`] : [])]
}

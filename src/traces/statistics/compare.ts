/**
 * Are two traces the same traffic? Each statistic of the second must lie where it would if both were samples of what the first is a sample
 * of: within the noise that the first shows between its minutes or sessions, or nearer than anyone would care. The allowed errors are so
 * wide that of all lines together one is called different by chance in at most 5 % of comparisons of equals.
 */
import type { Workload } from '../workload.js'
import { arrivalLines } from './compare/arrivals.js'
import { type ComparisonLine, errorsAllowed, notCompared } from './compare/line.js'
import { prefixLines } from './compare/prefixes.js'
import { sessionLines } from './compare/sessions.js'
import { shapeLines } from './compare/shapes.js'
import { LRU_TOKENS } from './index.js'

export type { ComparisonLine } from './compare/line.js'

export interface TraceComparisonOptions {
  /** The level of the rate does not matter: the clock of the second trace is stretched to the rate of the first, if both have one. Default: false. */
  readonly scaleFree?: boolean
  /** Whether recorded sessions are compared. Default: true. */
  readonly sessions?: boolean
  /** Sizes of LRU prefix caches, tokens. Default: 1, 3, 10 and 30 million. */
  readonly lruTokens?: readonly number[]
}

export interface TraceComparison {
  /** `undecided`: a trace is too short to tell, or all of it is one session, which says nothing of others. */
  readonly verdict: 'same' | 'different' | 'undecided'
  readonly lines: readonly ComparisonLine[]
  readonly compared: number
  readonly different: number
}

/** Chance that traces of the same traffic are called different. */
const FALSE_ALARMS = 0.05
/** Lines of a comparison, about, with something in hand because noise is itself estimated. */
const LINES = 100
/** Of fewer requests nothing can be said. */
const FEWEST_REQUESTS = 50

/** Whether `b` is the same traffic as `a`: each statistic with the range that chance leaves it (docs/decisions/0011-same-traffic.md). */
export function compareTraces(
  a: Workload,
  b: Workload,
  { scaleFree = false, sessions = true, lruTokens = LRU_TOKENS }: TraceComparisonOptions = {},
): TraceComparison {
  if (Math.min(a.count, b.count) < FEWEST_REQUESTS) return { verdict: 'undecided', lines: [], compared: 0, different: 0 }
  const level = FALSE_ALARMS / LINES
  const errors = (units: number): number => errorsAllowed(level, units)
  const lines = [
    ...arrivalLines(a, b, scaleFree, errors, level),
    ...shapeLines(a, b, errors, level),
    ...prefixLines(a, b, lruTokens, errors),
    ...(sessions ? sessionLines(a, b, errors) : []),
    ...namesLine(a, b),
  ]
  const different = lines.filter((line) => line.verdict === 'different').length
  const compared = lines.filter((line) => line.verdict !== 'not compared').length
  return { verdict: compared === 0 ? 'undecided' : different > 0 ? 'different' : 'same', lines, compared, different }
}

/** Policies may read classes and tenants, so it is said that the verdict is not of them. */
function namesLine(a: Workload, b: Workload): ComparisonLine[] {
  const hasNames = [a, b].some(({ classId, tenant }) => classId !== null || tenant !== null)
  return hasNames ? [notCompared('classes and tenants', 'who sends a request is not looked at')] : []
}

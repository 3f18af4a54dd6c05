/** Lines on sessions that a trace names. Inferred ones follow from the prefix blocks, whose reuse is compared. */
import type { Workload } from '../../workload.js'
import { type SessionSamples, type SteppedSample, sessionSamples } from '../sessions.js'
import { quantileLine } from './laws.js'
import { absoluteLine, type ComparisonLine, notCompared, onlyOne } from './line.js'
import { meanLine } from './shapes.js'
import { parts, sessionGroups, UnitSums } from './units.js'

/** Of fewer sessions or steps nothing can be said. */
const FEWEST = 20

const PER_SESSION = [
  ['requests per session', 'requests'],
  ['first context', 'firstContext'],
  ['largest context', 'largestContext'],
] as const
const PER_STEP = [
  ['context growth', 'growth'],
  ['wait of the client', 'waitS'],
] as const

export function sessionLines(a: Workload, b: Workload, errors: (units: number) => number): ComparisonLine[] {
  const first = recorded(a)
  const second = recorded(b)
  if (first === null && second === null) return []
  if (first === null) return [onlyOne('sessions', 'second')]
  if (second === null) return [onlyOne('sessions', 'first')]
  if (Math.min(first.requests.length, second.requests.length) < FEWEST)
    return [notCompared('sessions', `a trace has fewer than ${FEWEST}`)]
  const units = parts(first.requests.length)
  const lines = PER_SESSION.flatMap(([name, key]) => [
    meanLine(`${name}, mean`, first[key], second[key], units, errors),
    quantileLine(`${name}, p50`, 0.5, first[key], second[key], units, errors),
    quantileLine(`${name}, p90`, 0.9, first[key], second[key], units, errors),
  ])
  for (const [name, key] of PER_STEP) lines.push(...stepLines(name, first[key], second[key], errors))
  return [...lines, resetLine(first, second, errors)]
}

function recorded(workload: Workload): SessionSamples | null {
  const samples = sessionSamples(workload)
  return samples?.source === 'recorded' ? samples : null
}

function stepLines(name: string, a: SteppedSample, b: SteppedSample, errors: (units: number) => number): ComparisonLine[] {
  if (Math.min(a.values.length, b.values.length) < FEWEST) {
    if (a.values.length === b.values.length) return []
    return [notCompared(name, `a trace has fewer than ${FEWEST}`)]
  }
  const units = sessionGroups(a.session)
  return [0.5, 0.9].map((q) => quantileLine(`${name}, p${100 * q}`, q, a.values, b.values, units, errors))
}

/** Resets among all steps. */
function resetLine(a: SessionSamples, b: SessionSamples, errors: (units: number) => number): ComparisonLine {
  const stepsOf = ({ growth, left }: SessionSamples): number => growth.values.length + left.values.length
  const units = sessionGroups(a.growth.session)
  const sums = new UnitSums(units, 2)
  a.growth.session.forEach((session) => {
    sums.addTo(session % units.count, [1, 0])
  })
  a.left.session.forEach((session) => {
    sums.addTo(session % units.count, [1, 1])
  })
  const error = sums.error(([steps, resets]) => resets / steps) * Math.sqrt(1 + stepsOf(a) / stepsOf(b))
  const share = (samples: SessionSamples): number | null =>
    stepsOf(samples) === 0 ? null : samples.left.values.length / stepsOf(samples)
  return absoluteLine('context resets, share of steps', share(a), share(b), error, errors(units.count), { least: 0.005 })
}

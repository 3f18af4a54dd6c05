/** Where a context can be spread: over the ranks that attention DP gives an engine that decodes, in groups that fill it. */
import { isPolicyFile } from '../levers/own.js'
import type { Problem } from '../yaml/issues.js'
import type { LeverProblem, Policies } from './armProblems.js'
import type { EnginePlan } from './plan.js'
import type { LeversInput } from './schema.js'

/** A policy that is a file is watched when it answers: what it will ask for cannot be told before. */
export function spanProblems(
  levers: LeversInput,
  { span, rank }: Policies,
  engines: readonly EnginePlan[],
  fault: LeverProblem,
): Problem[] {
  if (span === undefined || span.largest === 1 || isPolicyFile(levers.span ?? '')) return []
  const spreads = `${span.info.name} spreads contexts over ranks`
  if ((rank?.assign ?? rank?.migrate) !== undefined)
    return [
      fault(
        'span',
        `${spreads}, and ${rank?.info.name} decides at step boundaries where requests are: the two do not go together`,
        'choose a rank policy that places requests on arrival, or remove the key',
      ),
    ]
  const decoding = engines.filter(({ role }) => role !== 'prefill')
  const layouts = 'choose a layout with attention DP, such as DEP8, or remove the key'
  const lone = decoding.find(({ dp }) => dp === 1)
  const { largest } = span
  if (largest === undefined) {
    if (decoding.length === 0 || decoding.some(({ dp }) => dp % 2 === 0)) return []
    const found = lone ? `${lone.name} (${lone.layout}) has one` : 'no engine has an even number of them'
    return [fault('span', `${spreads}, and ${found}`, layouts)]
  }
  if (lone) return [fault('span', `${spreads}, and ${lone.name} (${lone.layout}) has one`, layouts)]
  const odd = decoding.find(({ dp }) => dp % largest !== 0)
  if (odd === undefined) return []
  const most = odd.dp & -odd.dp
  return [
    fault(
      'span',
      `${span.info.name} does not divide the ${odd.dp} ranks of ${odd.name}`,
      most > 1
        ? `choose fixed(${most}) or a smaller power of two`
        : 'choose a layout with an even number of ranks, or remove the key',
    ),
  ]
}

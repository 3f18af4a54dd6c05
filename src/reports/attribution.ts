/** What an attribution says, in plain words, the same in the terminal and in HTML. */
import { grouped } from '../collections/grouped.js'
import type { Attribution, LeverTerms } from '../experiments/attribution/attribute.js'
import type { AblationResult, ComparisonRow, Reading } from '../experiments/result.js'
import { change, changeText, directionOf, INTERVAL_NEEDS, whereText } from './format.js'
import { amongText, lossSentences } from './losses.js'

/** The headline metric of each reading, in the order of the readings. */
const HEADLINES: readonly (readonly [Reading, string])[] = [
  ['fixed_load', 'tok_s_user.p50'],
  ['fixed_concurrency', 'tok_s_user.p50'],
  ['capacity', 'capacity_rps'],
]

/** The attributions that a report shows whole; the first is the headline. */
export const headlinesOf = ({ attributions }: Pick<AblationResult, 'attributions'>): Attribution[] =>
  HEADLINES.flatMap(([reading, metric]) => attributions.filter((entry) => entry.reading === reading && entry.metric === metric))

/** A share of a total whose printed interval includes zero is not printed. */
export const shareShown = ({ total, better }: Attribution, { share }: Pick<LeverTerms, 'share'>): number | null =>
  total === null || directionOf(total, better) === 'no difference' ? null : share

/** How the total divides among the levers: one sentence. */
export function sharesSentence(attribution: Attribution, from: string, to: string): string {
  const { total, levers, n, note } = attribution
  if (total === null) return `${to} over ${from} in ${whereText(attribution)}: undefined; ${note ?? ''}.`
  const parts = [...levers]
    .sort((a, b) => Math.abs(b.shapley.log) - Math.abs(a.shapley.log))
    .map(({ lever, shapley }) => `${lever} ${change(shapley.ratio)}`)
  const replicates = total.ci95 === null ? `n = ${n} (${INTERVAL_NEEDS})` : `n = ${n}`
  return `${to} over ${from} in ${whereText(attribution)}: ${changeText(total)}, ${replicates}; of this ${parts.join(', ')} (Shapley values, which multiply to the total).`
}

/** Why the total is not the gain of `row`, which more replicates ran; null where as many did. */
export const fewerSentence = ({ n }: Attribution, row: Pick<ComparisonRow, 'n'> | null): string | null =>
  row === null || n >= row.n
    ? null
    : `Every mix of levers ran on ${n} of the ${row.n} replicates, so the total differs from the gain over all of them.`

/** Whether gains of different levers overlap, add up or complement each other; null when there is one lever, or nothing to say. */
export function overlapSentence({ overlap, total, levers, better }: Attribution): string | null {
  if (overlap === null || total === null || levers.length < 2) return null
  const alone = Math.exp(levers.reduce((sum, { add_one: { log } }) => sum + log, 0))
  const numbers = `changed one at a time the levers would give ${change(alone)} in all, together they give ${change(total.ratio)}`
  switch (directionOf(overlap, better)) {
    case 'gain':
      return `The gains overlap (sub-additive): ${numbers}.`
    case 'loss':
      return `The levers complement each other (super-additive): ${numbers}.`
    case 'no difference':
      return `The gains add up within their intervals: ${numbers}.`
    default:
      return `Without intervals it is not decided whether the gains overlap: ${numbers}.`
  }
}

/** Pairs whose interaction is not zero, the strongest first. */
export function interactionSentences({ interactions, better }: Attribution): string[] {
  return [...interactions]
    .sort((a, b) => Math.abs(b.term.log) - Math.abs(a.term.log))
    .flatMap(({ levers: [first, second], term }) => {
      const direction = directionOf(term, better)
      if (direction === 'gain')
        return [`${first} and ${second} complement each other: ${changeText(term)} beyond what each adds.`]
      if (direction === 'loss') return [`${first} and ${second} overlap: ${changeText(term)} against what each adds.`]
      return []
    })
}

export const leverLossesAmong = (attributions: readonly Attribution[]): string =>
  amongText(attributions.flatMap(({ levers }) => levers.filter(({ shapley }) => shapley.ci95 !== null)).length)

/** Levers that cost something in some reading or metric, tails too. */
export function leverLosses(attributions: readonly Attribution[]): string[] {
  const losses = attributions.flatMap(({ levers, better, reading, metric }) =>
    levers
      .filter(({ shapley }) => directionOf(shapley, better) === 'loss')
      .map(({ lever, shapley }) => ({ lever, reading, metric, ratio: shapley.ratio, text: changeText(shapley) })),
  )
  return [...grouped(losses, ({ lever }) => lever)].flatMap(([lever, own]) => lossSentences(`${lever} costs`, own))
}

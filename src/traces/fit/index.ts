/** From a trace to a recipe of traffic like it. What is fitted and what is left out is said in the recipe's note and in `notes`. */
import { NS_PER_S } from '../../units.js'
import type { Recipe, StreamRecipe } from '../generate/recipe.js'
import type { Workload } from '../workload.js'
import { fitArrivals } from './arrivals.js'
import { fitLengths } from './lengths.js'
import { fitPrefixes } from './prefixes.js'

export interface Fit {
  readonly recipe: Recipe
  /** Sentences for the user: how much was fitted, and what was not. */
  readonly notes: readonly string[]
}

export function fitRecipe(workload: Workload): Fit {
  const { count, arrivalNs, isl, osl } = workload
  const notes: string[] = []
  const arrivals = fitArrivals(arrivalNs)
  notes.push(
    `The rate changes in ${arrivals.profile?.until_s.length ?? 1} steps; between them gaps are ${arrivals.arrivals.law}. ${count} arrivals were seen.`,
  )
  if (workload.tenant !== null || workload.classId !== null)
    notes.push('Classes and tenants are not fitted: all requests are of one kind.')
  const prefixes = workload.runFirst === null ? undefined : fitPrefixes(workload)
  const stream: StreamRecipe = {
    ...arrivals,
    lengths: fitLengths(isl, osl, arrivalNs),
    ...(prefixes === undefined ? {} : { prefixes }),
  }
  const longest = isl.reduce((most, tokens, i) => Math.max(most, tokens + osl[i]), 2)
  return {
    recipe: {
      note: `fitted to ${workload.provenance.name}: its rate in steps, its laws of gaps, lengths and prefix reuse`,
      duration_s: Number(((arrivalNs[count - 1] - arrivalNs[0]) / NS_PER_S).toFixed(3)),
      max_tokens: longest,
      ...(prefixes === undefined ? {} : { block_tokens: workload.blockTokens }),
      streams: { like: stream },
    },
    notes,
  }
}

/**
 * Prompts that repeat an earlier prompt: a conversation that goes on, a document asked again. How often, how much and how long after is
 * given by input length; which prompt is repeated is then chosen among those of about the right age and length.
 */
import { lowerBound } from '../../collections/search.js'
import type { Rng } from '../../rng.js'
import { blocksOfChain, type Chain } from './chains.js'
import { type LawSpec, lawOf } from './laws.js'
import type { BlockMaker } from './prefixes.js'

/** Lists have one entry for each bin of the input length; bin i holds isl in (edges[i], edges[i + 1]], the outer bins all beyond. */
export interface ReuseSpec {
  readonly edges: readonly number[]
  /** Probability that a prompt repeats an earlier one beyond a system prompt. */
  readonly chance: readonly number[]
  /** Share of such a prompt's blocks that is repeated, (0, 1]. */
  readonly share: readonly LawSpec[]
  /** Probability that what is repeated is the whole earlier prompt: it is continued. Each is continued once. */
  readonly continues: readonly number[]
  /** Time since the earlier prompt, s: of those repeated in part, and of those continued. */
  readonly age_s: { readonly part: LawSpec; readonly whole: LawSpec }
}

/** Earlier prompts looked at, on either side of the wanted age. */
const LOOK_AROUND = 200
/** What a place further from the wanted age costs against a wrong length: all of the places count as much as half the length. */
const AGE_WEIGHT = 0.5

/** The blocks of the next prompt, given the chain it begins with (system prompt) or null. */
export type Reuse = (timeS: number, isl: number, begin: Chain | null) => Chain

export function createReuse(spec: ReuseSpec, { ids, blockTokens }: BlockMaker, rng: Rng): Reuse {
  const shares = spec.share.map(lawOf)
  const ages = { part: lawOf(spec.age_s.part), whole: lawOf(spec.age_s.whole) }
  const times: number[] = []
  const chains: Chain[] = []
  const continued: boolean[] = []

  /** The prompt to repeat `blocks` blocks of, -1 when none is long enough. */
  function donor(blocks: number, most: number, timeS: number, whole: boolean): number {
    const centre = lowerBound(times, timeS)
    let best = -1
    let least = Number.POSITIVE_INFINITY
    for (let step = 0; step <= 2 * LOOK_AROUND; step++) {
      const distance = (step + 1) >> 1
      const at = step % 2 === 0 ? centre + distance : centre - distance
      if (at < 0 || at >= times.length) continue
      const length = blocksOfChain(chains[at])
      if (whole ? continued[at] || length > most : length < blocks) continue
      const cost = (whole ? Math.abs(length - blocks) / blocks : 0) + (AGE_WEIGHT * distance) / LOOK_AROUND
      if (cost < least) {
        least = cost
        best = at
      }
    }
    return best
  }

  return (timeS, isl, begin) => {
    const blocks = Math.floor(isl / blockTokens)
    let bin = 0
    while (bin + 2 < spec.edges.length && isl > spec.edges[bin + 1]) bin++
    const repeats = rng.uniform() < spec.chance[bin]
    const wanted = Math.round(shares[bin].draw(rng) * blocks)
    const whole = rng.uniform() < spec.continues[bin]
    const ageS = (whole ? ages.whole : ages.part).draw(rng)
    const beginBlocks = begin === null ? 0 : blocksOfChain(begin)
    const from = repeats && wanted > 0 ? donor(wanted, blocks, timeS - ageS, whole) : -1
    const kept = from < 0 ? 0 : whole ? blocksOfChain(chains[from]) : wanted
    const chain = kept > 0 ? ids.extend(chains[from], kept, blocks) : ids.extend(begin, beginBlocks, blocks)
    if (kept > 0 && whole) continued[from] = true
    times.push(timeS)
    chains.push(chain)
    continued.push(false)
    return chain
  }
}

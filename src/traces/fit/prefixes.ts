/**
 * Prefix reuse of a trace as a recipe: system prompts, told by how many requests begin with them, and beyond these how often a prompt repeats
 * an earlier one, how much of itself, how long after, and whether it continues it or parts with it on the way.
 */
import { NS_PER_S } from '../../units.js'
import { blockCountOf, blockIdLimit } from '../blocks.js'
import type { PrefixSpec } from '../generate/prefixes.js'
import type { ReuseSpec } from '../generate/reuse.js'
import type { Workload } from '../workload.js'
import { binEdges, binOf } from './lengths.js'
import { tableOf } from './table.js'

/** A system prompt begins this share of all requests, and so many of them, at least; it reaches as far as half of these agree. */
const LEAST_SHARE = 0.01
const FEWEST_USERS = 20
const AGREE = 0.5
const MOST_BINS = 8
const FEWEST_IN_BIN = 250

/** `workload` has prefix blocks and arrival times. */
export function fitPrefixes(workload: Workload): PrefixSpec {
  const paths = new Paths(workload)
  const systems = systemPrompts(paths)
  const reuse = fitReuse(workload, paths, systems)
  const { count, blockTokens } = workload
  const list = [...systems.values()]
  return {
    ...(list.length === 0
      ? {}
      : {
          system: {
            shares: list.map(({ users }) => Number((users / count).toPrecision(5))),
            tokens: list.map(({ blocks }) => blocks * blockTokens),
          },
        }),
    ...(reuse === null ? {} : { reuse }),
  }
}

/** Walks the block ids of a workload. */
class Paths {
  readonly idLimit: number
  readonly #workload: Workload

  constructor(workload: Workload) {
    this.#workload = workload
    this.idLimit = blockIdLimit(workload)
  }

  get count(): number {
    return this.#workload.count
  }

  /** Calls `visit` with the ids of request `i` from its beginning for as long as it returns true. */
  walk(i: number, visit: (id: number, place: number) => boolean): void {
    const { runOffset, runCount, runFirst, runLength } = this.#workload
    if (runOffset === null || runCount === null || runFirst === null || runLength === null) return
    let place = 0
    for (let run = runOffset[i]; run < runOffset[i] + runCount[i]; run++) {
      for (let k = 0; k < runLength[run]; k++) if (!visit(runFirst[run] + k, place++)) return
    }
  }

  /** The first block of request `i`, -1 for none. */
  first(i: number): number {
    let first = -1
    this.walk(i, (id) => {
      first = id
      return false
    })
    return first
  }
}

interface SystemPrompt {
  readonly users: number
  readonly blocks: number
}

/** By the id of the first block. */
function systemPrompts(paths: Paths): Map<number, SystemPrompt> {
  const uses = new Uint32Array(paths.idLimit)
  for (let i = 0; i < paths.count; i++)
    paths.walk(i, (id) => {
      uses[id]++
      return true
    })
  const systems = new Map<number, SystemPrompt>()
  const least = Math.max(FEWEST_USERS, LEAST_SHARE * paths.count)
  for (let i = 0; i < paths.count; i++) {
    const first = paths.first(i)
    if (first < 0 || uses[first] < least) continue
    let blocks = 0
    paths.walk(i, (id) => {
      if (uses[id] < AGREE * uses[first]) return false
      blocks++
      return true
    })
    if (blocks > (systems.get(first)?.blocks ?? 0)) systems.set(first, { users: uses[first], blocks })
  }
  return systems
}

function fitReuse(workload: Workload, paths: Paths, systems: ReadonlyMap<number, SystemPrompt>): ReuseSpec | null {
  const { count, isl, arrivalNs } = workload
  const lastUser = new Int32Array(paths.idLimit).fill(-1)
  const blocks = Int32Array.from({ length: count }, (_, i) => blockCountOf(workload, i))
  const edges = binEdges(isl, Math.max(1, Math.min(MOST_BINS, Math.floor(count / FEWEST_IN_BIN))))
  const bins = edges.slice(1).map(() => ({ requests: 0, wholes: 0, shares: [] as number[] }))
  const ages = { part: [] as number[], whole: [] as number[] }
  for (let i = 0; i < count; i++) {
    let seen = 0
    let donor = -1
    paths.walk(i, (id, place) => {
      if (lastUser[id] >= 0 && place === seen) {
        seen++
        donor = lastUser[id]
      }
      lastUser[id] = i
      return true
    })
    const bin = bins[binOf(edges, isl[i])]
    bin.requests++
    const system = systems.get(paths.first(i))?.blocks ?? 0
    if (seen <= system) continue
    // the last block of a prompt is mostly filled in part, and then never met again
    const whole = blocks[donor] - seen <= 1
    bin.shares.push(seen / blocks[i])
    if (whole) bin.wholes++
    ages[whole ? 'whole' : 'part'].push((arrivalNs[i] - arrivalNs[donor]) / NS_PER_S)
  }
  if (ages.part.length + ages.whole.length === 0) return null
  const law = (values: readonly number[], nearest: number) => (values.length === 0 ? 0 : tableOf(values, { nearest }))
  const digits = (value: number): number => Number(value.toPrecision(4))
  return {
    edges,
    chance: bins.map(({ requests, shares }) => digits(shares.length / Math.max(1, requests))),
    share: bins.map(({ shares }) => law(shares, 0.002)),
    continues: bins.map(({ wholes, shares }) => digits(wholes / Math.max(1, shares.length))),
    age_s: { part: law(ages.part, 0.05), whole: law(ages.whole, 0.05) },
  }
}

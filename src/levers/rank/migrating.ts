/** Background migration for any rank policy: a decoding sequence leaves the fullest rank when the ranks have been uneven for a while. */
import type { MigrateView, Moves, RankPolicy } from '../lever.js'
import { ENGINE_PLACES, placeOfEngine } from '../perEngine.js'

export interface MigrationOptions {
  /** Ranks are uneven when the largest cost is above (1 + delta) x mean; 0 = nothing ever moves. */
  readonly migrate: number
  /** Steps for which they must have been uneven, whole. */
  readonly steps: number
  /** Steps that a sequence must have decoded on its rank before it may move, whole: it moves once in so many steps at most. */
  readonly dwell: number
  /** Cost of a sequence beside its KV, tokens. */
  readonly weight: number
}

/** Reading the loads of the ranks and, now and then, lists of sequences: an assumption of 1 us a step. */
const PLANNING_PS = 1e6

/**
 * `place` with a hook `migrate` beside it; the policy itself where `migrate` is 0. `make` is given the memory that the policy asks for with
 * `slots`: the counts of uneven steps live in the same array.
 */
export function migrating(make: (state: Float64Array) => RankPolicy, slots: number, options: MigrationOptions): RankPolicy {
  if (options.migrate === 0) return make(new Float64Array(slots))
  const state = new Float64Array(slots + ENGINE_PLACES)
  const policy = make(state.subarray(0, slots))
  const uneven = state.subarray(slots)
  const { info } = policy
  const [name, given] = /^([^(]+)(?:\((.*)\))?$/.exec(info.name)?.slice(1) ?? []
  const { migrate, steps, dwell } = options
  const words = [...(given ? [given] : []), `migrate=${migrate}`, `steps=${steps}`, `dwell=${dwell}`]
  return {
    ...policy,
    info: {
      ...info,
      name: `${name}(${words.join(',')})`,
      shapeAware: true,
      hooks: [...info.hooks, 'migrate'],
      inputs: [...info.inputs, 'KV, output so far and stay of the decoding sequences', 'mean answer so far', 'rate of a port'],
      complexity: `${info.complexity}, a step O(ranks), a move O(ranks + sequences)`,
      wins: `${info.wins}; long answers that leave ranks uneven`,
      loses: `${info.loses}; links that others need, and requests that stand still while they are copied; with a dwell under 16 steps sequences may go to and fro`,
      source: `${info.source}; background migration of KV as in Llumnix (2406.03243) and proposed for SGLang (issue 8159)`,
    },
    state,
    planningPs: PLANNING_PS,
    migrate: (view, out) => chooseMoves(view, out, uneven, options),
  }
}

function chooseMoves(
  view: MigrateView,
  out: Moves,
  uneven: Float64Array,
  { migrate, steps, dwell, weight }: MigrationOptions,
): void {
  const { loads } = view
  const ranks = loads.count
  const at = placeOfEngine(view.engine)
  let total = 0
  let most = 0
  for (let rank = 0; rank < ranks; rank++) {
    const cost = costOf(view, rank, weight)
    total += cost
    if (cost > most) most = cost
  }
  const limit = ((1 + migrate) * total) / ranks
  uneven[at] = most > limit ? uneven[at] + 1 : 0
  if (uneven[at] < steps || view.meanAnswerTokens === 0) return
  while (out.count < out.from.length) {
    let from = -1
    let to = -1
    let fullest = limit
    let emptiest = Number.POSITIVE_INFINITY
    for (let rank = 0; rank < ranks; rank++) {
      if (view.isMoving(rank) || isTaken(out, rank)) continue
      const cost = costOf(view, rank, weight)
      if (cost > fullest) {
        from = rank
        fullest = cost
      }
      if (cost < emptiest && view.places(rank) > loads.waiting(rank)) {
        to = rank
        emptiest = cost
      }
    }
    if (from < 0 || to < 0 || from === to) return
    const sequence = bestOf(view, from, fullest - emptiest, fullest, dwell, weight)
    if (sequence < 0) return
    uneven[at] = 0
    out.from[out.count] = from
    out.sequence[out.count] = sequence
    out.to[out.count++] = to
  }
}

const costOf = ({ loads }: MigrateView, rank: number, weight: number): number =>
  loads.kvTokens(rank) + weight * loads.running(rank)

function isTaken({ count, from, to }: Moves, rank: number): boolean {
  for (let i = 0; i < count; i++) if (from[i] === rank || to[i] === rank) return true
  return false
}

/**
 * The sequence whose cost is nearest to half the difference of the two ranks, so that it makes them most equal, if its copy takes less time
 * than it saves over a mean answer; -1 = none.
 */
function bestOf(view: MigrateView, from: number, difference: number, fullest: number, dwell: number, weight: number): number {
  const count = view.list(from)
  const { kvTokens, stepsHere } = view
  let best = -1
  let bestOff = difference / 2
  for (let i = 0; i < count; i++) {
    const off = Math.abs(difference / 2 - (kvTokens[i] + weight))
    if (stepsHere[i] < dwell || off >= bestOff) continue
    const savedNs = (view.attentionNs * (difference / 2 - off)) / fullest
    const copyNs = view.latencyNs + (kvTokens[i] * view.kvBytesPerToken) / view.portBytesPerNs
    if (copyNs >= savedNs * view.meanAnswerTokens) continue
    best = i
    bestOff = off
  }
  return best
}

/**
 * Agentic sessions: a context that grows from step to step, waits of tools and of people, resets, and sub-agents that fork and join. The
 * laws of the preset are those of docs/decisions/0009-recipes-of-traffic.md, from published statistics of coding sessions.
 */
import { UserError } from '../../errors.js'
import type { Rng } from '../../rng.js'
import { sToNs } from '../../units.js'
import { blocksOfChain, type Chain } from './chains.js'
import { type Law, type LawSpec, lawOf } from './laws.js'
import { type LawsByBin, lawsByBin } from './lengths.js'
import type { BlockMaker } from './prefixes.js'

export interface SessionSpec {
  /** Requests of the main thread. */
  readonly steps: LawSpec
  /** Input tokens of the first request. Laws by bin are by the steps of the thread: long sessions begin shorter and grow more slowly. */
  readonly first_context: LawSpec | LawsByBin
  /** Tokens by which the input grows from one step to the next; the answer before is among them, so it is the least. This, or `added`. */
  readonly growth?: LawSpec | LawsByBin
  /** Tokens by which the input grows beyond the answer: results of tools, what a person says. */
  readonly added?: LawSpec | LawsByBin
  /** Output tokens of a step. */
  readonly output: LawSpec
  /** Seconds between an answer and the next step; apart for tools and people, who are waited for with `human_share`. */
  readonly wait_s: LawSpec | { readonly tool: LawSpec; readonly human: LawSpec; readonly human_share: number }
  /** A step begins anew with `keeps` of the context, by chance or when the context limit is reached; what it keeps is a new text. */
  readonly reset: { readonly chance: number; readonly keeps: number }
  /** Longest input + output, tokens. */
  readonly context_limit: number
  readonly subagents?: {
    /** Share of the sessions that have any. */
    readonly share: number
    readonly count: LawSpec
    readonly steps: LawSpec
    readonly first_context: LawSpec
  }
}

/** A request of a session; indexes are within the session. */
export interface SessionRow {
  readonly isl: number
  readonly osl: number
  /** -1: the first of the session. */
  readonly parent: number
  readonly waitNs: number
  /** The later row that waits for this one too, -1 for none. */
  joins: number
  readonly chain: Chain
}

/** Random streams of one session. */
export interface SessionRngs {
  readonly lengths: Rng
  readonly waits: Rng
}

const MOST_TRIES = 10_000
/** Requests of a session: more come from a law without a bound, and would fill the memory before anything is written. */
const MOST_REQUESTS = 100_000

export function createSessions(spec: SessionSpec, maker: BlockMaker): (system: Chain | null, rngs: SessionRngs) => SessionRow[] {
  const laws = {
    steps: lawOf(spec.steps),
    first: lawBySteps(spec.first_context),
    growth: lawBySteps(spec.growth ?? (spec.added as LawSpec)),
    output: lawOf(spec.output),
  }
  const subagents = spec.subagents && {
    share: spec.subagents.share,
    count: lawOf(spec.subagents.count),
    steps: lawOf(spec.subagents.steps),
    first: lawBySteps(spec.subagents.first_context),
  }
  const limit = spec.context_limit

  /** Contexts beyond the limit are drawn anew; should the law have none below it, the context is cut. */
  function firstContext(law: Law, rng: Rng): number {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const context = whole(law.draw(rng))
      if (context < limit) return context
    }
    return limit - 1
  }

  const waitS = waitLaw(spec.wait_s)
  const waitNs = ({ waits }: SessionRngs): number => sToNs(Math.max(0, waitS(waits)))

  /** Appends a thread of `steps` requests to `rows`, and what forks from it; returns the index of its last one. */
  function thread(
    rows: SessionRow[],
    steps: number,
    first: LawBySteps,
    parent: number,
    system: Chain | null,
    rngs: SessionRngs,
    forkAt: number,
  ) {
    const { lengths } = rngs
    const systemBlocks = system === null ? 0 : blocksOfChain(system)
    const growth = laws.growth(steps)
    let isl = firstContext(first(steps), lengths)
    let chain = maker.ids.extend(system, systemBlocks, blocksAt(isl))
    let before = parent
    let joining: number[] = []
    for (let step = 0; step < steps; step++) {
      const osl = Math.min(whole(laws.output.draw(lengths)), limit - isl)
      const row = rows.length
      if (row === MOST_REQUESTS) throw tooLong()
      rows.push({ isl, osl, parent: before, waitNs: before < 0 ? 0 : waitNs(rngs), joins: -1, chain })
      for (const last of joining) rows[last].joins = row
      joining = step === forkAt ? fork(rows, row, system, rngs) : []
      before = row
      const more = growth.draw(lengths)
      const grown = isl + (spec.growth === undefined ? osl + Math.round(more) : Math.max(osl, whole(more)))
      const resets = lengths.uniform() < spec.reset.chance || grown >= limit
      const kept = resets ? systemBlocks : blocksOfChain(chain)
      isl = resets ? Math.min(limit - 1, whole(spec.reset.keeps * isl)) : grown
      chain = maker.ids.extend(resets ? system : chain, kept, blocksAt(isl))
    }
    return before
  }

  /** The sub-agents that request `row` starts; returns the last request of each. */
  function fork(rows: SessionRow[], row: number, system: Chain | null, rngs: SessionRngs): number[] {
    if (subagents === undefined) return []
    const count = whole(subagents.count.draw(rngs.lengths))
    const ends: number[] = []
    while (ends.length < count)
      ends.push(thread(rows, whole(subagents.steps.draw(rngs.lengths)), subagents.first, row, system, rngs, -1))
    return ends
  }

  const blocksAt = (isl: number): number => Math.floor(isl / maker.blockTokens)

  return (system, rngs) => {
    const rows: SessionRow[] = []
    const steps = whole(laws.steps.draw(rngs.lengths))
    const forks = rngs.lengths.uniform() < (subagents?.share ?? 0)
    const place = rngs.lengths.integer(Math.max(1, steps - 1))
    thread(rows, steps, laws.first, -1, system, rngs, forks && steps > 1 ? place : -1)
    return rows
  }
}

const tooLong = (): UserError =>
  new UserError({
    where: 'session',
    message: `a session has more than ${MOST_REQUESTS.toLocaleString('en')} requests`,
    hint: 'give fewer steps or sub-agents, or clip their laws with max',
  })

type LawBySteps = (steps: number) => Law

function lawBySteps(spec: LawSpec | LawsByBin): LawBySteps {
  if (typeof spec === 'object' && 'edges' in spec) return lawsByBin(spec)
  const law = lawOf(spec)
  return () => law
}

function waitLaw(spec: SessionSpec['wait_s']): (rng: Rng) => number {
  if (typeof spec !== 'object' || !('tool' in spec)) return lawOf(spec).draw
  const tool = lawOf(spec.tool)
  const human = lawOf(spec.human)
  return (rng) => (rng.uniform() < spec.human_share ? human : tool).draw(rng)
}

const whole = (value: number): number => Math.max(1, Math.round(value))

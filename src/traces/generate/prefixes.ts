/**
 * Shared prefixes of single requests, in layers: a system prompt, then a document that is asked several times, or an earlier prompt that is
 * continued or repeated in part (`reuse.ts`). The history of a session is the third layer; sessions.ts has it.
 */
import { type Rng, stream } from '../../rng.js'
import { type BlockIds, blocksOfChain, type Chain } from './chains.js'
import { type LawSpec, lawOf } from './laws.js'
import { picker } from './picker.js'
import { createReuse, type ReuseSpec } from './reuse.js'

export type SystemPromptSpec =
  /** So many system prompts, the k-th popular one with a weight of 1 / k^zipf. */
  | { readonly groups: number; readonly zipf: number; readonly tokens: LawSpec }
  /** Each prompt's share of the requests, and its tokens; what the shares leave has no system prompt. */
  | { readonly shares: readonly number[]; readonly tokens: readonly number[] }

export interface DocumentSpec {
  /** Share of the requests that ask about a document. */
  readonly share: number
  /** Documents, and how unevenly they are asked for: the k-th has a weight of 1 / k^zipf. */
  readonly count: number
  readonly zipf: number
  readonly tokens: LawSpec
}

export interface PrefixSpec {
  readonly system?: SystemPromptSpec
  readonly documents?: DocumentSpec
  readonly reuse?: ReuseSpec
}

export interface Prefixes {
  /** The blocks of the next request; requests come in order of time. */
  chainOf(timeS: number, isl: number): Chain
  /** A system prompt, by popularity; null for none. */
  system(): Chain | null
}

/** What blocks are made of: ids in common for a whole workload, and the tokens of one. */
export interface BlockMaker {
  readonly ids: BlockIds
  readonly blockTokens: number
}

/** `name` and the seed are those of the stream of traffic; every layer draws from a random stream of its own. */
export function createPrefixes(spec: PrefixSpec, maker: BlockMaker, seed: number | string, name: string): Prefixes {
  const system = createSystem(spec.system, maker, stream(seed, `${name}/prefixes/system`))
  const documents = createDocuments(spec.documents, maker, stream(seed, `${name}/prefixes/documents`))
  const reuse = spec.reuse === undefined ? null : createReuse(spec.reuse, maker, stream(seed, `${name}/prefixes/reuse`))
  return {
    system: () => system().chain,
    chainOf(timeS, isl) {
      const blocks = Math.floor(isl / maker.blockTokens)
      const group = system()
      const document = documents(group)
      if (reuse !== null) return reuse(timeS, isl, document ?? group.chain)
      const shared = document ?? group.chain
      return maker.ids.extend(shared, shared === null ? 0 : blocksOfChain(shared), blocks)
    },
  }
}

interface SystemPrompt {
  /** -1: none. */
  readonly group: number
  readonly tokens: number
  readonly chain: Chain | null
}

const NO_SYSTEM: SystemPrompt = { group: -1, tokens: 0, chain: null }

function createSystem(spec: SystemPromptSpec | undefined, { ids, blockTokens }: BlockMaker, rng: Rng): () => SystemPrompt {
  if (spec === undefined) return () => NO_SYSTEM
  const tokensOf = typeof spec.tokens === 'object' && Array.isArray(spec.tokens) ? spec.tokens : null
  const law = tokensOf === null ? lawOf(spec.tokens as LawSpec) : null
  const shares = 'shares' in spec ? spec.shares : zipfShares(spec.groups, spec.zipf)
  const prompts = shares.map((_, group): SystemPrompt => {
    const tokens = Math.max(1, Math.round(tokensOf?.[group] ?? (law?.draw(rng) as number)))
    return { group, tokens, chain: ids.extend(null, 0, Math.floor(tokens / blockTokens)) }
  })
  const pick = picker(shares)
  return () => prompts[pick(rng.uniform())] ?? NO_SYSTEM
}

/** A document is a chain of its own under each system prompt that it is asked with. */
function createDocuments(
  spec: DocumentSpec | undefined,
  { ids, blockTokens }: BlockMaker,
  rng: Rng,
): (system: SystemPrompt) => Chain | null {
  if (spec === undefined) return () => null
  const law = lawOf(spec.tokens)
  const tokens = Float64Array.from({ length: spec.count }, () => Math.max(1, Math.round(law.draw(rng))))
  const pick = picker(zipfShares(spec.count, spec.zipf))
  const chains = new Map<number, Chain>()
  return (system) => {
    const asks = rng.uniform() < spec.share
    const document = pick(rng.uniform())
    if (!asks) return null
    const key = (system.group + 1) * spec.count + document
    let chain = chains.get(key)
    if (chain === undefined) {
      const kept = system.chain === null ? 0 : blocksOfChain(system.chain)
      chain = ids.extend(system.chain, kept, Math.floor((system.tokens + tokens[document]) / blockTokens))
      chains.set(key, chain)
    }
    return chain
  }
}

/** Shares of `count` things of which the k-th has a weight of 1 / k^zipf. */
export function zipfShares(count: number, zipf: number): number[] {
  const weights = Array.from({ length: count }, (_, k) => (k + 1) ** -zipf)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return weights.map((weight) => weight / total)
}

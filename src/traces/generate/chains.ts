/** Prefix blocks of generated prompts. An id names everything up to its block, so a prompt is a part of an earlier one and then new ids. */
import { UserError } from '../../errors.js'
import type { BlockBuilder } from '../blocks.js'

/** The whole blocks of a prompt from its beginning: `kept` of those of `parent`, then `length` new ids from `first`. */
export interface Chain {
  readonly parent: Chain | null
  readonly kept: number
  readonly first: number
  readonly length: number
}

export const blocksOfChain = ({ kept, length }: Chain): number => kept + length

const MOST_IDS = 2 ** 31 - 1

/** Gives out new ids, dense from 0. */
export interface BlockIds {
  /** A chain of `blocks` blocks of which the first `kept` are those of `parent`, as far as it has them. */
  extend(parent: Chain | null, kept: number, blocks: number): Chain
}

export function createBlockIds(): BlockIds {
  let next = 0
  return {
    extend(parent, kept, blocks) {
      let from = parent
      // a chain of which nothing is kept but what it kept itself is passed over
      while (from !== null && kept <= from.kept) from = from.parent
      const shared = from === null ? 0 : Math.min(kept, blocks, blocksOfChain(from))
      const length = blocks - shared
      const first = next
      if (first + length > MOST_IDS) {
        throw new UserError({
          where: 'block_tokens',
          message: 'the prompts have more than 2^31 different prefix blocks',
          hint: 'choose larger blocks, such as block_tokens: 512, or fewer requests',
        })
      }
      next += length
      if (from !== null && shared === blocksOfChain(from) && from.first + from.length === first)
        return { parent: from.parent, kept: from.kept, first: from.first, length: from.length + length }
      return { parent: from, kept: shared, first, length }
    },
  }
}

/** Appends the blocks of a chain to the request begun in `builder`. */
export function pushChain(builder: BlockBuilder, chain: Chain | null, upTo = Number.POSITIVE_INFINITY): void {
  if (chain === null) return
  pushChain(builder, chain.parent, Math.min(chain.kept, upTo))
  if (upTo > chain.kept) builder.pushRun(chain.first, Math.min(chain.length, upTo - chain.kept))
}

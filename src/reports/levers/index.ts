/** A picture of what a policy decides: one file for each lever, all in the same example. */
import type { LeverName, PolicyOf } from '../../levers/index.js'
import { chunkPicture } from './chunk.js'
import type { Example } from './example.js'
import { poolPicture, rankPicture } from './place.js'
import { spanPicture } from './span.js'
import { splitPicture } from './split.js'

export type { Example } from './example.js'

const PICTURES: { readonly [L in LeverName]: (policy: PolicyOf[L], example: Example) => string } = {
  split: splitPicture,
  chunk: chunkPicture,
  rank: rankPicture,
  span: spanPicture,
  pool: poolPicture,
}

/** Lines for a terminal. The policy is asked, so what is drawn is what it does. */
export const pictureOfPolicy = <L extends LeverName>(lever: L, policy: PolicyOf[L], example: Example): string =>
  PICTURES[lever](policy, example)

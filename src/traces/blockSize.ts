/** Tokens per prefix block where a file does not say it: told by how many ids its requests have. */
import { blockCountOf } from './blocks.js'
import type { Workload } from './workload.js'

/** Of Mooncake's own traces. */
export const USUAL_BLOCK_TOKENS = 512
const SIZES = [USUAL_BLOCK_TOKENS, 16, 32, 64, 128, 256, 1024]
const FITTING_SHARE = 0.9

/** Sizes that fit the counts of ids of nine requests in ten, the most usual first; only where there is one is it told by the counts. */
export function fittingBlockTokens(workload: Workload): readonly number[] {
  const { isl } = workload
  const blockCount = isl.map((_, i) => blockCountOf(workload, i))
  const rows = blockCount.reduce((sum, blocks) => sum + (blocks > 0 ? 1 : 0), 0)
  const fits = (size: number): boolean => {
    let misfits = 0
    for (let i = 0; i < isl.length && rows - misfits >= FITTING_SHARE * rows; i++) {
      if (blockCount[i] === 0) continue
      if (blockCount[i] !== Math.ceil(isl[i] / size) && blockCount[i] !== Math.floor(isl[i] / size)) misfits++
    }
    return rows - misfits >= FITTING_SHARE * rows
  }
  return SIZES.filter(fits)
}

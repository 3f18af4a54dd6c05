/** Tokens per prefix block where a file does not say it: told by how many ids its requests have. */
import { blockCountOf } from './blocks.js'
import type { Workload } from './workload.js'

/** By custom (Mooncake's own traces), then those that other tools write. */
const SIZES = [512, 16, 32, 64, 128, 256, 1024]
const FITTING_SHARE = 0.9

/** The size that fits the counts of ids of nine requests in ten, and whether any did; 512 otherwise. */
export function inferBlockTokens(workload: Workload): { blockTokens: number; certain: boolean } {
  const { isl } = workload
  const blockCount = isl.map((_, i) => blockCountOf(workload, i))
  for (const size of SIZES) {
    let rows = 0
    let fitting = 0
    for (let i = 0; i < isl.length; i++) {
      if (blockCount[i] === 0) continue
      rows++
      if (blockCount[i] === Math.ceil(isl[i] / size) || blockCount[i] === Math.floor(isl[i] / size)) fitting++
    }
    if (fitting >= FITTING_SHARE * rows) return { blockTokens: size, certain: true }
  }
  return { blockTokens: SIZES[0], certain: false }
}

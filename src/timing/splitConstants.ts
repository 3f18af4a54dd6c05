/** Constants of the SM-level model as a data file, `data/levers/split-machine.json`: each with what it rests on and its source. */
import * as z from 'zod'
import { readDataFile } from '../dataFile.js'

export type SplitFamily = 'gqa' | 'mla_few_heads' | 'mla_64_heads'

export interface SplitConstant {
  readonly value: number
  /** `fitted` constants come out of the fit rows of `data/levers/published.json` alone; a test fits them again. */
  readonly basis: 'fitted' | 'kernel rows' | 'kernel source' | 'assumed'
  readonly trust: 'A' | 'B' | 'C'
  readonly source: string
}

export interface SplitFamilyConstants {
  /** Effective bandwidth of the memory and of one CTA, GB/s (= bytes per ns). */
  readonly bandwidth_gb_s: SplitConstant
  readonly cta_bandwidth_gb_s: SplitConstant
  /** Fixed time of one CTA and of a merge pass, ns. */
  readonly cta_overhead_ns: SplitConstant
  readonly merge_fixed_ns: SplitConstant
}

export interface SplitConstants {
  readonly title: string
  readonly tile_tokens: SplitConstant
  readonly launch_ns: SplitConstant
  readonly families: Readonly<Record<SplitFamily, SplitFamilyConstants>>
}

const constant = z.strictObject({
  value: z.number().positive().max(1e6),
  basis: z.enum(['fitted', 'kernel rows', 'kernel source', 'assumed']),
  trust: z.enum(['A', 'B', 'C']),
  source: z.string().min(1),
})
const family = z.strictObject({
  bandwidth_gb_s: constant,
  cta_bandwidth_gb_s: constant,
  cta_overhead_ns: constant,
  merge_fixed_ns: constant,
})
const schema: z.ZodType<SplitConstants> = z.strictObject({
  title: z.string().min(1),
  tile_tokens: constant,
  launch_ns: constant,
  families: z.strictObject({ gqa: family, mla_few_heads: family, mla_64_heads: family }),
})

/** The shipped constants. */
export function loadSplitConstants(): SplitConstants {
  return readDataFile({
    kind: 'split constants',
    nameOrPath: 'split-machine',
    names: ['split-machine'],
    folder: new URL('../../data/levers/', import.meta.url),
    schema,
  })
}

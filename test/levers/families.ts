/** Random batches for the split lever: machines of three kernel families and six families of lengths. */
import type { SplitBatch } from '../../src/levers/lever.js'
import type { SplitMachine } from '../../src/levers/split/machine.js'
import type { Rng } from '../../src/rng.js'

const COMMON = { slots: 152, bandwidth: 7200, mergeFixedNs: 1000, launchNs: 2500, tileTokens: 128 }
export const MACHINES: Readonly<Record<string, SplitMachine>> = {
  gqa: { ...COMMON, ctaBandwidth: 125, ctaOverheadNs: 2000, headGroups: 2, bytesPerToken: 256, partialBytes: 4096 },
  mla128: { ...COMMON, ctaBandwidth: 92, ctaOverheadNs: 8000, headGroups: 2, bytesPerToken: 576, partialBytes: 131072 },
  mla16: { ...COMMON, ctaBandwidth: 70, ctaOverheadNs: 3000, headGroups: 1, bytesPerToken: 576, partialBytes: 32768 },
}

/** A family draws its parameters once for a batch, then gives the length of sequence `index`, tokens. */
export const FAMILIES: Readonly<Record<string, (rng: Rng) => (index: number) => number>> = {
  equal: (rng) => {
    const length = 2 ** (7 + 10 * rng.uniform())
    return () => length
  },
  uniform: (rng) => {
    const longest = 2 ** (8 + 9 * rng.uniform())
    return () => longest * (0.05 + 0.95 * rng.uniform())
  },
  lognormal: (rng) => {
    const median = 2 ** (9 + 6 * rng.uniform())
    const sigma = 0.3 + rng.uniform()
    return () => Math.min(131072, median * Math.exp(sigma * rng.normal()))
  },
  production: (rng) => () => {
    const u = rng.uniform()
    return 4096 * 2 ** [0.35, 0.55, 0.7, 0.82, 0.92].filter((edge) => u >= edge).length
  },
  bimodal: (rng) => {
    const share = 0.05 + 0.3 * rng.uniform()
    const short = 2 ** (8 + 3 * rng.uniform())
    const long = 2 ** (13 + 4 * rng.uniform())
    return () => (rng.uniform() < share ? long : short) * (0.8 + 0.4 * rng.uniform())
  },
  huge: (rng) => {
    const short = 2 ** (9 + 3 * rng.uniform())
    const long = 2 ** (15 + 3 * rng.uniform())
    return (index) => (index === 0 ? long : short * (0.5 + rng.uniform()))
  },
}

/** Machines of one GPU of an engine as served: one or eight KV heads, MLA with few heads and with all (two tiles, whose latents are read once). */
export const SERVED_MACHINES: Readonly<Record<string, SplitMachine>> = {
  gqa1: { ...MACHINES.gqa, headGroups: 1 },
  gqa8: { ...MACHINES.gqa, headGroups: 8 },
  mla16: MACHINES.mla16,
  mla128: { ...MACHINES.mla128, bandwidth: 2 * COMMON.bandwidth },
}

/** Batches as they are served, and what is worst for a scheduler: equal lengths, one huge request, few long ones, a staircase. */
export const SERVED_FAMILIES: Readonly<Record<string, (rng: Rng) => (index: number) => number>> = {
  uniform: FAMILIES.uniform,
  lognormal: FAMILIES.lognormal,
  production: FAMILIES.production,
  agentic: (rng) => () => Math.min(262144, 60000 * Math.exp(0.7 * rng.normal())),
  adversarial: (rng) => {
    const staircase = () => {
      const shortest = 2 ** (9 + 6 * rng.uniform())
      return (index: number) => shortest * (1 + index / 40)
    }
    const draws = [FAMILIES.equal, FAMILIES.huge, FAMILIES.bimodal, staircase]
    return draws[rng.integer(draws.length)](rng)
  },
}

/** An order of arrival. */
export function shuffled(n: number, rng: Rng): Int32Array {
  const order = Int32Array.from({ length: n }, (_, i) => i)
  for (let i = n - 1; i > 0; i--) {
    const j = rng.integer(i + 1)
    const kept = order[i]
    order[i] = order[j]
    order[j] = kept
  }
  return order
}

export function batchOf(lengths: readonly number[]): SplitBatch {
  const sorted = Float64Array.from(lengths, Math.ceil).sort()
  return { n: sorted.length, lengths: sorted, totalTokens: sorted.reduce((sum, length) => sum + length, 0) }
}

export function randomBatch(rng: Rng, family: string, n: number): SplitBatch {
  const draw = FAMILIES[family](rng)
  return batchOf(Array.from({ length: n }, (_, i) => draw(i)))
}

/** Quantile p of a sample, the next value above. */
export function quantile(sample: readonly number[], p: number): number {
  const sorted = [...sample].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))]
}

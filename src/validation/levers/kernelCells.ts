/** Cells about one attention kernel, by the exact form of the SM-level model. */
import type { SplitMachine } from '../../levers/index.js'
import { stream } from '../../rng.js'
import { splitMachineOf } from '../../timing/index.js'
import { NS_PER_US } from '../../units.js'
import type { SettingOf } from './cells.js'
import { kernelNs, launchOf, planningNs, splitPolicy } from './launches.js'
import { drawLengths } from './lengths.js'
import { geometricMean, type Simulated } from './simulated.js'

/** Batches drawn for every pair of size and lengths. One source took 100 samples a cell. */
const DRAWS = 100
const GRID_DRAWS = 20

type KernelShape = Pick<SettingOf<'kernel'>, 'slots' | 'attention' | 'kv'>

export function machineOf({ slots, attention, kv }: KernelShape): SplitMachine {
  return splitMachineOf({
    slots,
    kvValueBytes: kv === 'fp8' ? 1 : 2,
    attention:
      attention.kind === 'gqa'
        ? { kind: 'gqa', queryHeads: attention.query_heads, kvHeads: attention.kv_heads, headDim: attention.head_dim }
        : { kind: 'mla', queryHeads: attention.query_heads, kvRank: attention.kv_rank, rope: attention.rope },
  })
}

/**
 * Baseline over candidate: geometric mean over draws and over the batches that the cell may mean. Planning is charged to every launch, as where a
 * schedule is built anew in each. Range: the batches' means where there are several, else the middle 80 % of draws.
 */
export function kernelGain(id: string, setting: SettingOf<'kernel'>): Simulated {
  const machine = machineOf(setting)
  const baseline = splitPolicy(setting.baseline)
  const candidate = splitPolicy(setting.candidate)
  const longestFirst = setting.longest_first === true
  const pairs = setting.sequences.flatMap((sequences) => setting.lengths.map((lengths) => ({ sequences, lengths })))
  const draws = pairs.length > 1 ? GRID_DRAWS : DRAWS
  const means: number[] = []
  let gains: number[] = []
  for (const { sequences, lengths } of pairs) {
    const rng = stream(1, `${id}/${sequences}/${JSON.stringify(lengths)}`)
    gains = Array.from({ length: draws }, () => {
      const launch = launchOf(drawLengths(lengths, sequences, rng))
      const newerNs = kernelNs(launch, candidate, machine, longestFirst) + planningNs(candidate, sequences)
      return (kernelNs(launch, baseline, machine) + planningNs(baseline, sequences)) / newerNs
    })
    means.push(geometricMean(gains))
  }
  const spread = (means.length > 1 ? means : gains).sort((a, b) => a - b)
  const edge = means.length > 1 ? 0 : Math.floor(draws / 10)
  return { value: geometricMean(means), range: [spread[edge], spread[spread.length - 1 - edge]], by: 'exact form' }
}

export function kernelTime({ sequences, tokens, policy, ...shape }: SettingOf<'kernel-time'>): Simulated {
  const launch = launchOf(new Array<number>(sequences).fill(tokens))
  return { value: kernelNs(launch, splitPolicy(policy), machineOf(shape)) / NS_PER_US, range: null, by: 'exact form' }
}

/** What the constants here make of a coefficient of another cost model. */
export function coefficient({ what, ...shape }: SettingOf<'coefficient'>): Simulated {
  const { ctaOverheadNs, ctaBandwidth, tileTokens, bytesPerToken, partialBytes } = machineOf(shape)
  const tileBytes = tileTokens * bytesPerToken
  const values = {
    overhead_tiles: (ctaOverheadNs * ctaBandwidth) / tileBytes,
    merge_tiles: partialBytes / tileBytes,
    /** The time o + L x bytes / (b s) + s x partial / b of one request is least at s = sqrt(L x bytes / partial). */
    root_of_length: Math.sqrt(bytesPerToken / partialBytes),
  }
  return { value: values[what], range: null, by: 'constants' }
}

/**
 * Price of a ragged batch against as many sequences of the mean length. In a step of the simulator only the attention kernel depends on how lengths
 * are spread, so its share of the price is 1 when there is one.
 */
export function penaltyShare(id: string, { sequences, lengths, policy, ...shape }: SettingOf<'penalty-share'>): Simulated {
  const machine = machineOf(shape)
  const ragged = drawLengths(lengths, sequences, stream(1, id))
  const mean = Math.round(ragged.reduce((sum, length) => sum + length, 0) / sequences)
  const rule = splitPolicy(policy)
  const penaltyNs = kernelNs(launchOf(ragged), rule, machine) - kernelNs(launchOf(ragged.map(() => mean)), rule, machine)
  return { value: penaltyNs > 0 ? 1 : 0, range: null, by: 'step price' }
}

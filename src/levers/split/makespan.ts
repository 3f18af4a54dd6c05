/**
 * Fast form of the makespan: what list scheduling costs, from the sizes of the pieces alone, in one or two passes.
 *
 * While every slot is busy the kernel streams at R = min(BW, b P). Time is lost only where fewer than S = R / b pieces run, so
 *
 *   T = W / R + integral of max(0, 1 / b - n(V) / R) dV
 *
 * with n(V) the running pieces after V bytes per piece. W is exact; the three regimes differ in n(V) alone:
 * at most P pieces (they drain in order of size, exact), longest first, and arrival order (arrivalTail.ts).
 */
import { arrivalTailBytes } from './arrivalTail.js'
import type { SplitMachine } from './machine.js'

/** Sizes of the pieces of one launch, ascending: `bytes[j]` (CTA overhead included) occurs `count[j]` times, j < groups. */
export interface PieceSizes {
  groups: number
  bytes: Float64Array
  count: Float64Array
  /** Pieces in all (N) and bytes in all (W); W counts the tiles exactly, so it may be below the sum of bytes x count. */
  pieces: number
  totalBytes: number
  /** Bytes on top, in pieces so short that all slots share them evenly. */
  spreadBytes: number
  /** Pieces that are launched next to each other in arrival order, those of one request, by group. */
  together: Float64Array
}

/** How fast differences of size wash out whole waves: their variance in arrival order, the square of their range when sorted (docs/decisions/0003-split-model.md). */
const SMEAR_ARRIVAL = 144
const SMEAR_SORTED = 12
/** Layers of long pieces on one slot that are looked at; with more of them the level is even enough. */
const MOST_STACKED = 4

export function fastMakespanNs(sizes: PieceSizes, longestFirst: boolean, machine: SplitMachine): number {
  const { slots, bandwidth, ctaBandwidth } = machine
  const { groups, bytes, pieces, totalBytes } = sizes
  const rate = Math.min(bandwidth, ctaBandwidth * slots)
  const saturation = rate / ctaBandwidth
  const longest = bytes[groups - 1]
  const busyNs = totalBytes / rate
  const spreadNs = sizes.spreadBytes / rate
  const longestNs = longest / ctaBandwidth
  let lost: number
  if (pieces <= slots) {
    if (pieces <= saturation) return longestNs + spreadNs
    lost = drainedBytes(sizes, saturation, 0)
  } else if (longestFirst) {
    lost = sortedTailBytes(sizes, slots, saturation)
  } else {
    lost = arrivalBytes(sizes, slots, saturation)
  }
  const lostNs = lost / ctaBandwidth
  const timeNs = busyNs + (lostNs < longestNs ? lostNs : longestNs)
  return (timeNs > longestNs ? timeNs : longestNs) + spreadNs
}

/** Integral of max(0, 1 - n(V) / S) over V > from, for pieces that all started at V = 0. Bytes. */
function drainedBytes(sizes: PieceSizes, saturation: number, from: number): number {
  const { bytes, count } = sizes
  let running = 0
  let lost = 0
  for (let j = sizes.groups - 1; j >= 0; j--) {
    if (bytes[j] <= from) break
    running += count[j]
    if (running >= saturation) break
    const below = j > 0 && bytes[j - 1] > from ? bytes[j - 1] : from
    lost += (bytes[j] - below) * (1 - running / saturation)
  }
  return lost
}

/** Bytes lost when `width` bytes see the running pieces fall from `high` to `low` in a straight line. */
function rampBytes(width: number, high: number, low: number, saturation: number): number {
  if (low >= saturation || high <= low) return 0
  const reach = high < saturation ? high : saturation
  const under = (width * (reach - low)) / (high - low)
  return (under * (2 * saturation - reach - low)) / (2 * saturation)
}

/** Whole waves of equal pieces: after the full waves `remainder` pieces run alone for one piece's length. Bytes lost. */
function waveBytes(size: number, remainder: number, poles: number, saturation: number): number {
  const running = remainder + poles
  return remainder <= 1e-9 || running >= saturation ? 0 : size * (1 - running / saturation)
}

/** Longest first: pieces longer than the water level keep a slot of their own, the others level out around it. */
function sortedTailBytes(sizes: PieceSizes, slots: number, saturation: number): number {
  const { bytes, count } = sizes
  let restBytes = sizes.totalBytes
  let restSlots = slots
  let top = sizes.groups - 1
  while (top > 0 && bytes[top] * restSlots > restBytes && restSlots > count[top]) {
    restBytes -= bytes[top] * count[top]
    restSlots -= count[top]
    top--
  }
  const poles = slots - restSlots
  const level = restBytes / restSlots
  const rest = sizes.pieces - poles
  const waves = rest / restSlots
  const mean = restBytes / rest
  // Sizes of the pieces launched last: one for each slot, or all that there are.
  let wanted = rest < restSlots ? rest : restSlots
  let lastBytes = 0
  let lastCount = 0
  for (let j = 0; j <= top && wanted > 0; j++) {
    const taken = count[j] < wanted ? count[j] : wanted
    lastBytes += taken * bytes[j]
    lastCount += taken
    wanted -= taken
  }
  const last = lastBytes / lastCount
  const spread = (bytes[top] - bytes[0]) / mean
  const whole = 1 / (1 + SMEAR_SORTED * spread * spread * waves)
  const remainder = rest - Math.floor(waves) * restSlots
  const wave = waveBytes(last, remainder, poles, saturation)
  const ramp = rampBytes(last, slots, poles, saturation)
  const lost = whole * wave + (1 - whole) * ramp
  const levelled = poles === 0 ? lost : lost + drainedBytes(sizes, saturation, level + last / 2)
  const stacked = stackedBytes(sizes, slots, saturation)
  return Math.max(levelled, stacked)
}

/**
 * Long pieces that must share a slot: of more than (k - 1) P pieces of size v or more, some slot gets k, and ends at k v or later. When
 * that is above the water level of the others, the slots that hold k of them run on. Bytes lost, the largest over k.
 */
function stackedBytes(sizes: PieceSizes, slots: number, saturation: number): number {
  const { bytes, count, totalBytes } = sizes
  // Equal pieces come in whole waves, which the caller knows exactly.
  if (bytes[0] === bytes[sizes.groups - 1]) return 0
  let rounded = 0
  for (let j = 0; j < sizes.groups; j++) rounded += bytes[j] * count[j]
  // Sizes are those of the largest piece of each request; on average a piece is a little shorter.
  const shrink = totalBytes / rounded
  let ranked = 0
  let layer = 2
  let inLayer = 0
  let layerBytes = 0
  let worst = 0
  for (let j = sizes.groups - 1; j >= 0 && layer <= MOST_STACKED; j--) {
    const below = (layer - 1) * slots
    const after = ranked + count[j]
    if (after > below) {
      const added = Math.min(after - Math.max(ranked, below), slots - inLayer)
      inLayer += added
      layerBytes += added * bytes[j]
      const end = (layer * shrink * layerBytes) / inLayer
      const others = slots - inLayer
      const level = others > 0.5 ? (totalBytes - inLayer * end) / others : end
      if (end > level && inLayer < saturation) worst = Math.max(worst, (end - level) * (1 - inLayer / saturation))
      if (after >= layer * slots) {
        layer++
        inLayer = 0
        layerBytes = 0
      }
    }
    ranked = after
  }
  return worst
}

/** Arrival order: whole waves of near-equal pieces, else what a renewal process leaves. */
function arrivalBytes(sizes: PieceSizes, slots: number, saturation: number): number {
  const { groups, bytes, count, pieces } = sizes
  const longest = bytes[groups - 1]
  let first = 0
  let second = 0
  for (let j = 0; j < groups; j++) {
    const below = longest - bytes[j]
    first += count[j] * below
    second += count[j] * below * below
  }
  const waves = pieces / slots
  const wave = waveBytes(longest, pieces - Math.floor(waves) * slots, 0, saturation)
  if (second === 0) return wave
  const variance = (second - (first * first) / pieces) / pieces
  const mean = sizes.totalBytes / pieces
  const whole = 1 / (1 + (SMEAR_ARRIVAL * variance * waves) / (mean * mean))
  return whole * wave + (1 - whole) * arrivalTailBytes(sizes, slots, saturation)
}

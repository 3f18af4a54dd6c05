/** Synthetic step tables and split machines: small whole numbers, of every shape the simulator may meet. */
import fc from 'fast-check'
import type { SplitMachine } from '../levers/split/machine.js'
import type { StepTables } from '../timing/stepTimer.js'

/** Prices in ps; `bend` < 1 makes token-wise work concave. */
export interface TableShape {
  readonly hostPs: number
  readonly localPs: number
  readonly headPs: number
  readonly rowsPs: number
  readonly sharedPs: number
  readonly exchangePs: number
  readonly kernelBasePs: number
  readonly kernelSlopePs: number
  readonly prefillPs: number
  /** Part of its price that a chunk saves at the least in the call of a longer one; none when absent. */
  readonly saved?: number
  readonly bend: number
}

export interface TableSize {
  readonly ranks: number
  readonly maxTokens: number
  readonly maxSequences: number
  readonly maxLength: number
}

export function stepTables(size: TableSize, shape: TableShape): StepTables {
  const curve = (count: number, scale: number) =>
    Float64Array.from({ length: count + 1 }, (_, x) => Math.round(scale * x ** shape.bend))
  const columns = Math.floor(Math.log2(size.maxLength)) + 1
  const base = new Float64Array((size.maxSequences + 1) * columns)
  const slope = new Float64Array(base.length)
  for (let n = 1; n <= size.maxSequences; n++) {
    let at = shape.kernelBasePs * n
    for (let column = 0; column < columns; column++) {
      const steepness = shape.kernelSlopePs / (1 + column / 4)
      base[n * columns + column] = at
      slope[n * columns + column] = steepness
      at += steepness * n * 2 ** column
    }
  }
  const chunkKnots = Float64Array.from([1, 3, 10, 40])
  const prefixKnots = Float64Array.from([0, 5, 50])
  const grid = (xs: Float64Array, ys: Float64Array, ps: (x: number, y: number) => number) =>
    Float64Array.from({ length: xs.length * ys.length }, (_, at) => ps(xs[Math.floor(at / ys.length)], ys[at % ys.length]))
  const prefillPs = (chunk: number, prefix: number) => shape.prefillPs * chunk * (1 + prefix + chunk / 2)
  const { saved = 0 } = shape
  const counts = Float64Array.of(1, 2, 5, 12)
  const lengths = Float64Array.of(1, 4, 15)
  const together = {
    counts,
    lengths,
    nextPs: grid(counts.subarray(1), lengths, (count, length) => ((1 - saved) * prefillPs(length, 0) * (12 + count)) / 24),
    prefixPs: grid(
      chunkKnots,
      prefixKnots,
      (chunk, prefix) => prefillPs(chunk, prefix) - prefillPs(chunk, 0) / (1 + prefix / 50),
    ),
  }
  return {
    ...size,
    hostPs: shape.hostPs,
    localPs: curve(size.maxTokens, shape.localPs),
    headPs: curve(size.maxSequences, shape.headPs),
    decodeRowsPs: curve(size.maxSequences, shape.rowsPs),
    sharedPs: curve(size.ranks * size.maxTokens, shape.sharedPs),
    exchangePs: curve(size.maxTokens, shape.exchangePs),
    kernelColumns: columns,
    kernelBasePs: base,
    kernelSlopePs: slope,
    prefillChunkKnots: chunkKnots,
    prefillPrefixKnots: prefixKnots,
    prefillPs: grid(chunkKnots, prefixKnots, prefillPs),
    ...(saved > 0 && { together }),
  }
}

const orNothing = (max: number) => fc.oneof(fc.constant(0), fc.integer({ min: 1, max }))

/** From steps of a fraction of a nanosecond (many equal times) to steps of microseconds. */
export const tableShape: fc.Arbitrary<TableShape> = fc
  .record({
    hostPs: fc.oneof(fc.integer({ min: 1, max: 900 }), fc.integer({ min: 1, max: 50_000 }), fc.constant(10_000)),
    localPs: orNothing(3000),
    headPs: orNothing(500),
    rowsPs: orNothing(400),
    sharedPs: orNothing(2000),
    exchangePs: orNothing(700),
    kernelBasePs: orNothing(5000),
    kernelSlopePs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 300 }), fc.constant(12.375)),
    prefillPs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 50 }), fc.constant(0.3)),
    bend: fc.constantFrom(1, 0.8, 0.5),
  })
  .map((shape) => ({ ...shape, saved: (shape.prefillPs % 4) / 4 }))

export const anySplitMachine: fc.Arbitrary<SplitMachine> = fc.record({
  slots: fc.integer({ min: 1, max: 16 }),
  bandwidth: fc.integer({ min: 50, max: 8000 }),
  ctaBandwidth: fc.integer({ min: 10, max: 200 }),
  ctaOverheadNs: fc.constantFrom(0.5, 1, 3000),
  headGroups: fc.integer({ min: 1, max: 4 }),
  bytesPerToken: fc.constantFrom(128, 576, 1152),
  tileTokens: fc.constantFrom(1, 2, 4, 16),
  partialBytes: fc.constantFrom(1024, 32768),
  mergeFixedNs: fc.constantFrom(0, 1000),
  mergeBandwidth: fc.constant(undefined),
  launchNs: fc.constantFrom(0, 2000),
})

/** Steps that cost the host's time and nothing else. */
export const HOST_ALONE: Omit<TableShape, 'hostPs'> = {
  localPs: 0,
  headPs: 0,
  rowsPs: 0,
  sharedPs: 0,
  exchangePs: 0,
  kernelBasePs: 0,
  kernelSlopePs: 0,
  prefillPs: 0,
  bend: 1,
}

/** A small machine for clusters whose split factor does not matter. */
export const SMALL_MACHINE: SplitMachine = {
  slots: 8,
  bandwidth: 1000,
  ctaBandwidth: 100,
  ctaOverheadNs: 1,
  headGroups: 1,
  bytesPerToken: 128,
  tileTokens: 64,
  partialBytes: 1024,
  mergeFixedNs: 0,
  mergeBandwidth: undefined,
  launchNs: 1000,
}

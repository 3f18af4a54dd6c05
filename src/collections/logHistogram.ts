/**
 * A histogram of positive doubles whose bins are 1/1024 of an octave-mantissa wide: relative error of a quantile < 0.05 % (half a
 * bin), so that a ratio of two, which is printed to 0.1 %, is the ratio and not that of two bins. The bin index is read off the bits of the
 * double, so adding costs a few nanoseconds and never allocates.
 */
const bits = new Float64Array(1)
const words = new Uint32Array(bits.buffer)
/** Little-endian hosts keep the exponent in the second word; Node runs on nothing else that we support. */
const HIGH = 1
const MANTISSA_BITS = 10
const SHIFT = 20 - MANTISSA_BITS
/** Values below 1 share the first bin; values of 2^63 and more the last. */
const FIRST = 1023 << MANTISSA_BITS
export const LOG_HISTOGRAM_BINS = 63 << MANTISSA_BITS

export function logBin(value: number): number {
  bits[0] = value
  const bin = (words[HIGH] >>> SHIFT) - FIRST
  return bin < 0 ? 0 : bin >= LOG_HISTOGRAM_BINS ? LOG_HISTOGRAM_BINS - 1 : bin
}

/** Middle of a bin. */
export function logBinValue(bin: number): number {
  bits[0] = 0
  words[HIGH] = (bin + FIRST) << SHIFT
  const low = bits[0]
  words[HIGH] = (bin + 1 + FIRST) << SHIFT
  return (low + bits[0]) / 2
}

/** Quantile of the weighted sample in `histogram`; NaN when it is empty. */
export function logHistogramQuantile(histogram: Float64Array, p: number): number {
  let total = 0
  for (const weight of histogram) total += weight
  if (total === 0) return Number.NaN
  let below = 0
  for (let bin = 0; bin < histogram.length; bin++) {
    below += histogram[bin]
    if (below >= p * total) return logBinValue(bin)
  }
  return logBinValue(histogram.length - 1)
}

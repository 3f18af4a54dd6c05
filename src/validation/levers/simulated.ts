/** What the model says of a published cell. */
export interface Simulated {
  readonly value: number
  /** Least and greatest over what the cell leaves open, or the middle 80 % of draws; null where nothing varies. */
  readonly range: readonly [number, number] | null
  /** What computed it. */
  readonly by: 'exact form' | 'step price' | 'constants' | 'analytical form' | 'simulator'
}

export const geometricMean = (values: readonly number[]): number =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length)

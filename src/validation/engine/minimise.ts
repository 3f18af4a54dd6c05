/** Minimises a function of a few numbers without derivatives: the downhill simplex (J. Nelder and R. Mead, Computer Journal 7, 1965). */

interface Vertex {
  readonly at: readonly number[]
  readonly value: number
}

export interface Minimum extends Vertex {
  /** Calls of the function. */
  readonly calls: number
}

/**
 * Starts from `start` and from one step of `size` along each axis; ends after `maxCalls` calls, or when the best and the worst vertex
 * differ by less than `tolerance`. Deterministic.
 */
export function minimise(
  f: (at: readonly number[]) => number,
  start: readonly number[],
  size: number,
  maxCalls: number,
  tolerance: number,
): Minimum {
  let calls = 0
  const vertex = (at: readonly number[]): Vertex => {
    calls++
    return { at, value: f(at) }
  }
  const byValue = (a: Vertex, b: Vertex): number => a.value - b.value
  let simplex = [vertex(start), ...start.map((_, axis) => vertex(start.map((x, i) => (i === axis ? x + size : x))))].sort(byValue)
  while (calls < maxCalls && simplex[simplex.length - 1].value - simplex[0].value > tolerance) {
    const worst = simplex[simplex.length - 1]
    const others = simplex.slice(0, -1)
    const centre = start.map((_, i) => others.reduce((sum, { at }) => sum + at[i], 0) / others.length)
    /** 1 = the worst vertex mirrored at the centre of the others, 2 = twice as far, -0.5 = halfway back. */
    const along = (reach: number): Vertex => vertex(centre.map((x, i) => x + reach * (x - worst.at[i])))
    const mirrored = along(1)
    let next = mirrored
    if (mirrored.value < simplex[0].value) next = [mirrored, along(2)].sort(byValue)[0]
    else if (mirrored.value >= others[others.length - 1].value) next = along(mirrored.value < worst.value ? 0.5 : -0.5)
    if (next.value < worst.value) simplex = [...others, next].sort(byValue)
    else {
      const best = simplex[0]
      simplex = [best, ...simplex.slice(1).map(({ at }) => vertex(at.map((x, i) => (x + best.at[i]) / 2)))].sort(byValue)
    }
  }
  return { ...simplex[0], calls }
}

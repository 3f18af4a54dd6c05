/** A discrete distribution as ServeGen stores it: a Python dict in a string, `"{81: 0.0014, 82: 0.002}"`, value to probability. */

export interface Pmf {
  /** Ascending. */
  readonly values: Float64Array
  /** Probability of this value or a smaller one; ends in 1. */
  readonly cumulative: Float64Array
}

/** The distribution of the text; null for `{}`, which means no traffic. Throws a sentence for what is no such dict. */
export function parsePmf(text: string): Pmf | null {
  const trimmed = text.trim()
  if (!trimmed.startsWith('{') || !trimmed.endsWith('}')) throw new Error('is no {value: probability, ...}')
  const body = trimmed.slice(1, -1).trim()
  if (body === '') return null
  const pairs = body.split(',').map((entry) => {
    const [value, share, ...more] = entry.split(':')
    const pair = { value: numberOf(value), share: numberOf(share) }
    if (more.length > 0 || !(pair.value >= 0) || !(pair.share >= 0))
      throw new Error(`has the entry '${entry.trim().slice(0, 40)}'`)
    return pair
  })
  return pmfOf(pairs)
}

function numberOf(text: string | undefined): number {
  return text === undefined || !/^\s*\d*\.?\d+(e[+-]?\d+)?\.?\s*$/i.test(text) ? Number.NaN : Number(text)
}

/** The distribution of weighted values, in any order; null when they weigh nothing. */
export function pmfOf(pairs: { readonly value: number; readonly share: number }[]): Pmf | null {
  const sorted = pairs.filter(({ share }) => share > 0).sort((a, b) => a.value - b.value)
  const values = Float64Array.from(sorted, ({ value }) => value)
  const cumulative = new Float64Array(sorted.length)
  let total = 0
  for (let i = 0; i < sorted.length; i++) {
    total += sorted[i].share
    cumulative[i] = total
  }
  return total > 0 && Number.isFinite(total) ? { values, cumulative: cumulative.map((sum) => sum / total) } : null
}

/** The smallest value that has at least `u` (0..1) of the probability at or below it: for uniform `u`, a draw. */
export function pmfQuantile({ values, cumulative }: Pmf, u: number): number {
  let low = 0
  let high = values.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if (cumulative[middle] < u) low = middle + 1
    else high = middle
  }
  return values[low]
}

/** "Did you mean": the nearest known word, when it is near enough to be a slip of the fingers. */

/** Edit distance with transpositions of neighbours (optimal string alignment), two-row form kept to three rows. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      row[j] = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + cost)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) row[j] = Math.min(row[j], beforeLast[j - 2] + 1)
    }
    beforeLast = last
    last = row
  }
  return last[b.length]
}

/** The nearest of `known` within a third of the word's length (at least `least` edits, at most `most`), or null. Long input is never near. */
export function nearest(word: string, known: readonly string[], least = 2, most = Number.POSITIVE_INFINITY): string | null {
  if (word.length > 64) return null
  const limit = Math.min(most, Math.max(least, Math.floor(word.length / 3)))
  let best: string | null = null
  let bestDistance = limit + 1
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** A hint: the nearest word when there is one, and always what is allowed. */
export function suggest(word: string, known: readonly string[]): string {
  const near = nearest(word, known)
  return `${near ? `did you mean '${near}'? ` : ''}allowed: ${known.join(', ')}`
}

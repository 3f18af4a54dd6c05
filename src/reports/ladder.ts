/** The oracle ladder in plain words: how much room there was, and how much of it an arm has taken. */

import { gapDoubt } from '../experiments/change.js'
import type { GapRow } from '../experiments/oracles.js'
import type { ComparisonResult, OracleResult, Reading } from '../experiments/result.js'
import { changeText, NOTHING, percent, whereText } from './format.js'

type WithLadder = Pick<ComparisonResult, 'gaps' | 'oracles'>

/** 71 % [65, 77] */
export function shareText({ gap_closed: share, ci95 }: Pick<GapRow, 'gap_closed' | 'ci95'>): string {
  if (share === null) return NOTHING
  const bounds = ci95 === null ? '' : ` [${ci95.map((bound) => percent(bound).replace(' %', '')).join(', ')}]`
  return `${percent(share)}${bounds}`
}

/** As it is printed: what an older version has stored may have a share of a gap that is in doubt. */
export function decided(row: GapRow): GapRow {
  const note = row.note ?? gapDoubt({ ratio: row.oracle_ratio, ci95: row.oracle_ci95 })
  return note === null ? row : { ...row, gap_closed: null, ci95: null, note }
}

export function findGap(
  { gaps }: WithLadder,
  at: { readonly reading: Reading; readonly metric: string; readonly arm: string; readonly baseline: string },
  oracle: string,
): GapRow | null {
  const found = gaps.find(
    (row) =>
      row.oracle === oracle &&
      row.reading === at.reading &&
      row.metric === at.metric &&
      row.arm === at.arm &&
      row.baseline === at.baseline,
  )
  return found === undefined ? null : decided(found)
}

/** The oracle that gaps are counted to where there is room for one number: the byte floor. */
export const YARDSTICK = 'oracle-floor'

/** One sentence a rung, for one arm over one baseline. */
export function ladderSentences(
  result: WithLadder,
  at: { readonly reading: Reading; readonly metric: string; readonly arm: string; readonly baseline: string },
): string[] {
  return result.oracles.flatMap(({ name }) => {
    const row = findGap(result, at, name)
    if (row === null) return []
    const room = `${name} is ${changeText({ ratio: row.oracle_ratio, ci95: row.oracle_ci95 })} over ${at.baseline} in ${whereText(at)}`
    const closed = row.gap_closed === null ? row.note : `${at.arm} closes ${shareText(row)} of that gap`
    return [`${room}; ${closed}.`]
  })
}

/** What each rung is, and that none of them competes. */
export const oracleNotes = (oracles: readonly OracleResult[]): string[] =>
  oracles.length === 0
    ? []
    : [
        ...oracles.map(({ name, says }) => `${name}: ${says}.`),
        'Oracles are bounds, not policies, and never compete. Where one is the challenger with one lever replaced, a faster step changes later batches: only the kernel of one batch is bounded for certain.',
      ]

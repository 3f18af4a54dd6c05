/** What a cell costs, in CPU seconds of one core of 2025, measured once: for the time that is left, and for what must be left out. */
import type { Cell, LayoutName } from './cell.js'

/** A primary cell of each layout; the others in the same proportion. */
const LAYOUT_S: Readonly<Record<LayoutName, number>> = {
  'r1-dep16': 190,
  'r1-dep32': 190,
  'r1-tp8': 60,
  'oss-tp4': 75,
  'llama-tp4': 80,
}
const FAMILY_SHARE: Readonly<Record<Cell['family'], number>> = { primary: 1, together: 0.35, control: 0.25, hypercube: 0.06 }

const TINY_SHARE = 0.05

export const costOf = (cell: Cell): number =>
  (cell.effort === 'tiny' ? TINY_SHARE : FAMILY_SHARE[cell.family]) * LAYOUT_S[cell.layout]

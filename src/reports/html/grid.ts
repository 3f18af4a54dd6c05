/** Gain by request shape: input x output tokens. */
import type { ComparisonResult } from '../../experiments/result.js'
import { gainColour, inkOn } from '../colours.js'
import { change, number } from '../format.js'
import { escapeHtml, px, svg, telling, text } from './markup.js'

const LEFT = 92
const CELL_W = 108
const CELL_H = 40
const ENDLESS = 2 ** 20

/** The last bin ends where no context does. */
const bin = (edges: readonly number[], i: number): string =>
  edges[i + 1] >= ENDLESS ? `${compact(edges[i])} or more` : `${compact(edges[i])}–${compact(edges[i + 1])}`
const compact = (tokens: number): string => (tokens >= 1024 ? `${number(tokens / 1024)}k` : String(tokens))

/** `ratio[i][j]`: bin i of input tokens, bin j of output tokens. */
export function gainGrid(grid: ComparisonResult['pictures']['grid']): string {
  const columns = grid.isl_edges.length - 1
  const rows = grid.osl_edges.length - 1
  const values = grid.ratio.flat().filter((ratio) => ratio !== null)
  if (values.length === 0) return '<p class="soft">No bin holds enough requests.</p>'
  const reach = Math.max(0.02, ...values.map((ratio) => Math.abs(ratio - 1)))
  const cells: string[] = []
  for (let i = 0; i < columns; i++)
    for (let j = 0; j < rows; j++) {
      const ratio = grid.ratio[i][j]
      const x = LEFT + i * CELL_W
      const y = (rows - 1 - j) * CELL_H
      const colour = ratio === null ? 'var(--idle)' : gainColour((ratio - 1) / reach)
      const where = `input ${bin(grid.isl_edges, i)}, output ${bin(grid.osl_edges, j)} tokens`
      const tip = `${where}\n${ratio === null ? 'fewer than 8 requests' : `median change of tokens/s/user ${change(ratio)}`}`
      // an empty cell is no stop on the way
      const told = ratio === null ? `data-tip="${escapeHtml(tip)}"` : telling(tip)
      const label =
        ratio === null
          ? text(x + CELL_W / 2, y + 24, '·', 'class="soft" text-anchor="middle"')
          : text(x + CELL_W / 2, y + 24, change(ratio), `text-anchor="middle" fill="${inkOn(colour)}"`)
      cells.push(
        `<g ${told}><rect class="mark" x="${x}" y="${y}" width="${CELL_W - 2}" height="${CELL_H - 2}" rx="3" fill="${colour}"/>${label}</g>`,
      )
    }
  const bottom = rows * CELL_H
  const xs = Array.from({ length: columns }, (_, i) =>
    text(LEFT + (i + 0.5) * CELL_W, bottom + 14, bin(grid.isl_edges, i), 'class="soft" text-anchor="middle"'),
  )
  const ys = Array.from({ length: rows }, (_, j) =>
    text(LEFT - 8, (rows - 1 - j) * CELL_H + 24, bin(grid.osl_edges, j), 'class="soft" text-anchor="end"'),
  )
  const names = `${text(LEFT + (columns * CELL_W) / 2, bottom + 34, 'input tokens', 'class="soft" text-anchor="middle"')}<text class="soft" transform="translate(12 ${px(bottom / 2)}) rotate(-90)" text-anchor="middle">output tokens</text>`
  return `<div class="wide">${svg(LEFT + columns * CELL_W, bottom + 42, 'Gain by input and output length', `${cells.join('')}${xs.join('')}${ys.join('')}${names}`)}</div>`
}

/** The hypercube on the page: the map of regions and the tornado, in text. */
import { type CellResult, CLAIMED, gainOf, isUnstable, POINTS } from '../../experiments/claim/index.js'
import { markdownTable } from '../markdown.js'
import { percent, quantile } from './markdown.js'
import { countRegions, isChance, type Sample, type Swing, swings } from './regions.js'

const BAR = 40

export function hypercubeSection(samples: readonly Sample[], cells: number, results: readonly CellResult[]): string {
  if (samples.length === 0) return ''
  const counts = countRegions(samples)
  const share = (n: number): string => `${((100 * n) / samples.length).toFixed(0)} %`
  const ratios = samples.map(({ ratio }) => ratio)
  const at = (q: number): string => percent(quantile(ratios, q))
  const overSize = samples.flatMap(({ cell }) => gainOf(cell, 'shape-aware', 'tuned-size').ratio ?? [])
  const intro = `${samples.length} of ${cells} points of a Latin hypercube (${POINTS} in the full experiment) are compared; ${results.filter(({ void_because }) => void_because !== null).length} are void and ${results.filter(isUnstable).length} unstable. Above ${percent(CLAIMED)}: **${share(counts.above)}**; between none and that: **${share(counts.between)}**; negative: **${share(counts.negative)}**. Quantiles 5, 25, 50, 75, 95 %: ${[0.05, 0.25, 0.5, 0.75, 0.95].map(at).join(', ')}. A share of this box is no probability of the world. Over tuned *size* ${share(overSize.filter((ratio) => ratio > CLAIMED).length)} are above ${percent(CLAIMED)}, the median is ${overSize.length === 0 ? 'unknown' : percent(quantile(overSize, 0.5))}.`
  return [
    '## The map: where the gain is, over everything that could move it',
    intro,
    mapTable(samples),
    '### What it hangs on',
    'Geometric mean gain at the two ends of each axis (lowest and highest third of the points; of choices the least and the largest), the other axes as they fall. Ordered by how far beyond chance it is; "chance": one time in twenty or more often the ends of that axis differ as much where gains are dealt out to the points at random.',
    tornado(swings(samples)),
  ].join('\n\n')
}

/** Points above / between / negative, and the mean, of traces (rows) and layouts x prompts (columns). */
function mapTable(samples: readonly Sample[]): string {
  const values = (axis: 'trace' | 'layout' | 'prompts') => [...new Set(samples.map(({ point }) => String(point[axis])))].sort()
  const columns = values('layout').flatMap((layout) => values('prompts').map((prompts) => ({ layout, prompts })))
  const cellOf = (members: readonly Sample[]): string => {
    if (members.length === 0) return ''
    const { above, between, negative } = countRegions(members)
    const mean = Math.exp(members.reduce((sum, { ratio }) => sum + Math.log(ratio), 0) / members.length)
    return `${percent(mean)} (${above}/${between}/${negative})`
  }
  const rows = values('trace').map((trace) => [
    trace,
    ...columns.map(({ layout, prompts }) =>
      cellOf(samples.filter(({ point }) => point.trace === trace && point.layout === layout && point.prompts === prompts)),
    ),
    cellOf(samples.filter(({ point }) => point.trace === trace)),
  ])
  const bands = [
    [0, 0.5],
    [0.5, 0.7],
    [0.7, 0.85],
    [0.85, 1],
  ] as const
  const byLoad = bands.map(([low, high]) =>
    cellOf(samples.filter(({ point }) => (point.load as number) >= low && (point.load as number) < high)),
  )
  return [
    'Mean gain (points above 20 % / between / negative), prompts computed elsewhere or here:',
    markdownTable(['', ...columns.map(({ layout, prompts }) => `${layout}, ${prompts}`), 'all'], rows),
    markdownTable(['load', ...bands.map(([low, high]) => `${low} to ${high}`)], [['', ...byLoad]]),
  ].join('\n\n')
}

function tornado(found: readonly Swing[]): string {
  const logs = found.flatMap(({ ratios }) => ratios.map(Math.log))
  const least = Math.min(0, ...logs)
  const most = Math.max(0.01, ...logs)
  const lines = found.map((swing) => {
    const { axis, ends, ratios } = swing
    const bar = (ratio: number): number => Math.round((BAR * (Math.log(ratio) - least)) / (most - least))
    const [low, high] = [Math.min(...ratios.map(bar)), Math.max(...ratios.map(bar))]
    const drawn = `${' '.repeat(low)}${'█'.repeat(Math.max(1, high - low))}`.padEnd(BAR + 1)
    return `${axis.padEnd(13)} ${drawn} ${ends[0].padStart(12)} ${percent(ratios[0]).padStart(8)}   ${ends[1].padStart(12)} ${percent(ratios[1]).padStart(8)}${isChance(swing) ? '   chance' : ''}`
  })
  return ['```', ...lines, '```'].join('\n')
}

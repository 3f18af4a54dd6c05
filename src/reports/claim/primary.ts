/** Sections of the page on the cells that are judged one by one. */
import {
  type CellResult,
  CLAIMED,
  gapTo,
  isUnsteady,
  type Judged,
  leverShares,
  loadShare,
  mixOf,
  ratioOf,
} from '../../experiments/claim/index.js'
import type { PairedRatio } from '../../experiments/statistics.js'
import { fallsBehind } from '../../metrics/saturation.js'
import { markdownTable } from '../markdown.js'
import { bounds, fact, interval, percent, pValue } from './markdown.js'
import type { Sample } from './regions.js'

/** A gain over an arm, marked where that arm could not keep up. */
const overArm = (cell: CellResult, baseline: string, paired: PairedRatio): string =>
  `${interval(paired)}${paired.ratio !== null && isUnsteady(cell, baseline) ? ' †' : ''}`

const nameOf = ({ id }: CellResult): string => id.replace(/^(primary|together)\//, '')

export function primaryTable(judged: readonly Judged[]): string {
  if (judged.length === 0) return ''
  const rows = judged.map(({ cell, gain, overShipped, pNone, pClaimed, verdict }) => {
    const over = (baseline: string) =>
      overArm(cell, baseline, ratioOf(cell, 'fixedLoad', 'tok_s_user.p50', 'shape-aware', baseline))
    const mix = mixOf(cell)
    return [
      nameOf(cell),
      overArm(cell, 'tuned-static', gain),
      mix === null ? '' : bounds(mix),
      `${pValue(pNone)}, ${pValue(pClaimed)}`,
      over('tuned-size'),
      overArm(cell, 'occupancy-rule', overShipped),
      over('static'),
      interval(ratioOf(cell, 'fixedConcurrency', 'tok_s_user.p50', 'shape-aware', 'tuned-static')),
      interval(ratioOf(cell, 'capacity', 'capacity_rps', 'shape-aware', 'tuned-static')),
      verdict,
    ]
  })
  return [
    '## Primary cells: decode fed with prompts, 0.7 of the capacity of static, gb200',
    'Gain of shape-aware in tokens/s of the median user, with 95 % intervals over draws; the mix column is the same gain on another mix of the same minutes. p: Holm-adjusted, against no gain and against 20 %. †: the other arm is backlogged or overloaded there in more than a tenth of the replicates, so the number says how long one looked, not how much slower it is. Capacities are of four draws; of one that may have more than one edge the search finds that beside which it begins.',
    markdownTable(
      [
        'cell',
        'over tuned-static',
        'mix',
        'p',
        'over tuned-size',
        'over the shipped rule',
        'over static',
        'fixed concurrency, over tuned-static',
        'capacity, over tuned-static',
        'verdict',
      ],
      rows,
    ),
  ].join('\n\n')
}

/** Tails of the same cells, and whatever lost: before anything that gained. */
export function worstFirst(judged: readonly Judged[], samples: readonly Sample[]): string {
  const losses = judged.flatMap(({ cell }) =>
    TAILS.flatMap(({ reading, metric, words, lower }) => {
      const paired = ratioOf(cell, reading, metric, 'shape-aware', 'tuned-static')
      const loses = paired.ci95 !== null && (lower ? paired.ci95[0] > 1.005 : paired.ci95[1] < 0.995)
      return loses ? [`${cell.id}: ${words} ${interval(paired)}`] : []
    }),
  )
  const beyond = judged.flatMap(({ cell }) => {
    const load = loadShare(cell, 'tuned-static')
    return load !== null && load > 1 ? [`${cell.id} ${load.toFixed(2)}`] : []
  })
  const worst = [...samples].sort((a, b) => a.ratio - b.ratio).slice(0, 5)
  const lines = [
    losses.length === 0
      ? 'No judged cell loses to tuned-static by more than 0.5 % in median, slowest tenth, gaps or capacity (intervals).'
      : `Shape-aware loses to tuned-static (interval beyond 0.5 %): ${losses.join('; ')}.`,
    ...(beyond.length === 0
      ? []
      : [
          `At the offered load tuned-static is beyond what it carries within the SLO on the part that judges (load is set on the training part): ${beyond.join('; ')}. A gain there is one over an arm past its limit.`,
        ]),
    ...(worst.length === 0
      ? []
      : [
          `Worst points of the hypercube: ${worst.map(({ cell, point, ratio }) => `${cell.id.replace('hypercube/', '#')} ${percent(ratio)} (${point.trace}, ${point.layout}, prompts ${point.prompts}, load ${point.load}, planner b ${point.planner_b} o ${point.planner_o})`).join('; ')}.`,
        ]),
  ]
  return ['## Worst first', lines.map((line) => `* ${line}`).join('\n')].join('\n\n')
}

const TAILS = [
  { reading: 'fixedLoad', metric: 'tok_s_user.p50', words: 'median user', lower: false },
  { reading: 'fixedLoad', metric: 'tok_s_user.p10', words: 'slowest tenth of users', lower: false },
  { reading: 'fixedLoad', metric: 'itl_ms.p95', words: 'p95 of the time between tokens', lower: true },
  { reading: 'fixedLoad', metric: 'gap_ms.p95', words: 'p95 of the largest gap', lower: true },
  { reading: 'fixedConcurrency', metric: 'tok_s_user.p50', words: 'median user at fixed concurrency', lower: false },
  { reading: 'capacity', metric: 'capacity_rps', words: 'capacity', lower: false },
] as const

/** Empty where the replicates leave open that there is a gap. */
function closedText(cell: CellResult): string {
  const { share, ci95 } = gapTo(cell, 'oracle-step')
  if (share === null) return ''
  const text = (value: number): string => (value * 100).toFixed(0)
  return `${text(share)} %${ci95 === null ? '' : ` [${ci95.map(text).join(', ')}]`}`
}

/** How much of what there is to gain was gained. */
export function ladder(judged: readonly Judged[]): string {
  const rows = judged.flatMap(({ cell, gain }) => {
    const over = (arm: string): PairedRatio => ratioOf(cell, 'fixedLoad', 'tok_s_user.p50', arm, 'tuned-static')
    const [size, best, step] = ['tuned-size', 'oracle-static', 'oracle-step'].map(over)
    if (best.ratio === null && step.ratio === null) return []
    return [[nameOf(cell), interval(best), interval(size), interval(gain), interval(step), closedText(cell)]]
  })
  if (rows.length === 0) return ''
  return [
    '## The ladder: what is left to gain',
    'All over tuned-static. oracle-static is tuned on one draw of the part that judges it: below none it shows the noise of one draw. oracle-step is shape-aware with the best split of every batch that a wide search finds. Neither can be had, and neither competes. Gap closed: the share of the way in time per token from tuned-static to oracle-step, on the replicates that oracle-step was run on; empty where these leave open that there is a gap.',
    markdownTable(['cell', 'oracle-static', 'tuned-size', 'shape-aware', 'oracle-step', 'gap closed'], rows),
  ].join('\n\n')
}

export function levers(judged: readonly Judged[]): string {
  const shares = judged.flatMap(({ cell }) => {
    const shared = leverShares(cell)
    return shared === null ? [] : [{ cell, shared }]
  })
  if (shares.length === 0) return ''
  const names = [...new Set(shares.flatMap(({ shared }) => shared.levers.map(({ lever }) => lever)))]
  const rows = shares.map(({ cell, shared }) => [
    cell.id,
    percent(shared.total),
    ...names.map((name) => {
      const share = shared.levers.find(({ lever }) => lever === name)
      return share === undefined ? '' : `${percent(share.shapley)} (${percent(share.addOne)}, ${percent(share.dropOne)})`
    }),
  ])
  return [
    '## Which lever it comes from',
    'Shapley values, whose ratios multiply to the whole gain (column all) of the few replicates that ran every mix of levers; in brackets changed alone, and lost when it alone is put back. Empty: both arms agree, or there is nothing to choose.',
    markdownTable(['cell', 'all', ...names], rows),
  ].join('\n\n')
}

export function facts(judged: readonly Judged[]): string {
  if (judged.length === 0) return ''
  const rows = judged.map(({ cell }) => {
    const arm = (name: string) => cell.arms.find((one) => one.name === name)
    const own = (name: string) => loadShare(cell, name)?.toFixed(2) ?? ''
    const tuned = arm('tuned-static')
    const shape = arm('shape-aware')
    return [
      nameOf(cell),
      `${fact(cell.offered_rps, 3)}`,
      `${own('tuned-static')} / ${own('shape-aware')}`,
      fact(tuned?.inside_per_rank, 3),
      `${fact((tuned?.attention_share ?? 0) * 100)} / ${fact((shape?.attention_share ?? 0) * 100)}`,
      `${tuned?.policies.split}, ${tuned?.policies.rank}`,
      `${shape?.policies.rank}`,
      Object.keys(tuned?.binding ?? {}).join(', '),
      unstable(cell),
      `${fact(cell.replicate_e2e, 3)} (${cell.replicate_requests})`,
    ]
  })
  return [
    '## What the primary cells are like',
    'Load as a share of the own capacity of tuned-static / shape-aware; attention as a share of the step, % (tuned-static / shape-aware).',
    markdownTable(
      [
        'cell',
        'requests/s',
        'own load',
        'inside per rank',
        'attention',
        'tuned-static',
        'shape-aware rank',
        'binds',
        'not stable',
        'replicate, mean E2E (requests)',
      ],
      rows,
    ),
  ].join('\n\n')
}

/** Arms that fell behind in some replicate, with how many. */
function unstable({ arms }: CellResult): string {
  return arms
    .flatMap(({ name, saturation }) => {
      const count = Object.entries(saturation).reduce((sum, [label, n]) => (fallsBehind(label) ? sum + n : sum), 0)
      return count === 0 ? [] : [`${name} (${count})`]
    })
    .join(', ')
}

export function togetherTable(judged: readonly Judged[]): string {
  if (judged.length === 0) return ''
  return [
    '## The same engines compute the prompts',
    'Chunks of prompts come between the tokens, and the chunk lever is alive. A family of its own, without verdicts: of 8 replicates no p value survives the adjustment over 18 cells, so the last column says no more than where the interval lies. †: as above.',
    markdownTable(
      [
        'cell',
        'over tuned-static',
        'over tuned-size',
        'over the shipped rule',
        'fixed concurrency, over tuned-static',
        'interval',
      ],
      judged.map((one) => [
        nameOf(one.cell),
        overArm(one.cell, 'tuned-static', one.gain),
        overArm(one.cell, 'tuned-size', ratioOf(one.cell, 'fixedLoad', 'tok_s_user.p50', 'shape-aware', 'tuned-size')),
        overArm(one.cell, 'occupancy-rule', one.overShipped),
        interval(ratioOf(one.cell, 'fixedConcurrency', 'tok_s_user.p50', 'shape-aware', 'tuned-static')),
        sideOf(one),
      ]),
    ),
  ].join('\n\n')
}

/** On which side of the claimed gain the interval lies. */
function sideOf({ gain: { ci95 }, verdict }: Judged): string {
  if (verdict === 'void' || verdict === 'unstable') return verdict
  if (ci95 === null) return 'none'
  const bar = percent(CLAIMED)
  return ci95[0] >= CLAIMED ? `above ${bar}` : ci95[1] < CLAIMED ? `below ${bar}` : `across ${bar}`
}

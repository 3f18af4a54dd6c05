/** The report of a comparison: one HTML file, the same bytes for the same result and plan. */
import type { ComparisonResult } from '../../experiments/result.js'
import type { Plan } from '../../scenario/plan.js'
import { armStyles } from '../colours.js'
import { copiesOf, number, percent, staticCapacityText, unbroken } from '../format.js'
import { oracleNotes } from '../ladder.js'
import { type Verdict, verdict } from '../verdict.js'
import { chartHosts, latencyCharts, NO_COURSE, NO_LATENCY, timeCharts } from './charts.js'
import { forestPlots } from './forest.js'
import { frontierPlot } from './frontier.js'
import { gainGrid } from './grid.js'
import { ladderSection } from './ladder.js'
import { bullets, escapeHtml, section } from './markup.js'
import { evidenceSection, INTERVALS, identityLine, kicker, legend, lossList, page } from './page.js'
import { rackMaps } from './rack.js'
import { armsTable, comparisonsTable, numbersTable, triedTable, tuningTables } from './tables.js'
import { ttftBars } from './ttft.js'
import { attributionFigures } from './waterfall.js'

/** The report of a comparison: one page that loads nothing. */
export function comparisonHtml(result: ComparisonResult, plan: Plan): string {
  const { pictures } = result
  const styles = armStyles(result.arms.map((arm) => arm.name))
  const drawn = armStyles(pictures.arms.map((arm) => arm.name)).map(
    (own) => styles.find((style) => style.name === own.name) ?? own,
  )
  const latency = latencyCharts(pictures.arms)
  const course = timeCharts(pictures.arms)
  const ladderBody = ladderSection(result)
  const said = verdict(result)
  const sections = [
    section(
      'gains',
      'What changed, and how sure',
      'Arms ran on the same replicates; differences are taken replicate by replicate. Three readings, because the same pair gives different numbers at equal load, at equal concurrency and in capacity.',
      forestPlots(result, styles),
    ),
    section(
      'latency',
      'Latency',
      'Share of requests at or below a latency, first replicate. Further left is better; drag to zoom, double-click to go back.',
      chartHosts(latency, NO_LATENCY),
    ),
    section(
      'frontier',
      'Throughput against speed',
      `Each point is one closed-loop run; the numbers are ${result.load.arrivals ?? 'requests'} in flight. Up and to the right is better. Axes need not begin at zero.`,
      legend(styles) + frontierPlot(pictures.frontier, styles),
    ),
    section(
      'ttft',
      'What the first token waits for',
      'First replicate: mean TTFT, phase by phase, in the order in which a request passes them.',
      ttftBars(pictures.arms),
    ),
    section(
      'course',
      'Queue and memory over time',
      'First replicate, with its warm-up and what follows the window. A queue that keeps growing means that the load is beyond capacity.',
      chartHosts(course, NO_COURSE),
    ),
    section(
      'rack',
      'The rack',
      'First replicate. Each cell is a GPU, each outline an engine; the number is the engine’s share in percent, after P or D where prefill and decode have engines of their own.',
      rackMaps(plan, pictures.arms),
    ),
    section(
      'shapes',
      'Who gains',
      'First replicate: by how much shape-aware changes the tokens/s/user of a request over tuned-static, the median over the requests of a shape. Blue gains, orange loses; · stands for fewer than 8 requests.',
      gainGrid(pictures.grid),
    ),
    section(
      'levers',
      'Which lever it comes from',
      'The gain of shape-aware over tuned-static, shared out among the levers: each bar is what a lever adds, averaged over all orders in which they may be changed. The bars end at the total.',
      attributionFigures(result.attribution, 'tuned-static', 'shape-aware', said.row),
    ),
    ladderBody === ''
      ? ''
      : section(
          'ladder',
          'How much room there was',
          'Dashed: oracles, bounds that no scheduler reaches; they never compete. The share of the gap closed is (T baseline − T arm) ÷ (T baseline − T oracle), T a time.',
          ladderBody,
        ),
    section(
      'arms',
      'The arms',
      'Attention share: attention time of the slowest rank ÷ step time, the part that the split lever can touch. Balance: mean ÷ maximum of attention time over ranks; 100 % means no rank waits.',
      armsTable(result) + triedTable(result.arms, plan) + tuningTables(result.arms),
    ),
    evidenceSection(result, [...oracleNotes(result.oracles), ...result.notes]),
    section(
      'numbers',
      'All numbers',
      'Mean over replicates of each replicate’s own statistic, at the comparison’s load.',
      `${numbersTable(result.arms)}<details><summary>All ${result.comparisons.length} comparisons</summary>${comparisonsTable(result)}</details>`,
    ),
  ]
  return page({
    title: `Shapewise: ${plan.model} on ${plan.system}`,
    header: header(result, plan, said) + legend(styles),
    sections,
    arms: drawn,
    charts: [...latency, ...course],
  })
}

function header(result: ComparisonResult, plan: Plan, said: Verdict): string {
  const kind = said.direction.replace(' ', '-')
  const losses = lossList(said.losses, said.lossesAmong)
  return `<header>${kicker(plan)}${losses}<h1 class="${kind}">${escapeHtml(unbroken(said.headline))}</h1>${bullets([loadSentence(result.load), ...said.details])}${identityLine(result, INTERVALS)}</header>`
}

export function loadSentence(load: ComparisonResult['load']): string {
  const { arrivals = 'requests' } = load
  const share =
    load.static_capacity_rps === null
      ? ''
      : `, ${percent(load.offered_rps / load.static_capacity_rps)} of the ${staticCapacityText(load.static_capacity_rps, load.arrivals)}`
  const burst =
    load.idc_before === null || load.idc_after === null
      ? ''
      : ` Index of dispersion ${number(load.idc_before)} in the trace, ${number(load.idc_after)} as offered.`
  // folders of earlier versions do not say it
  const effort = load.effort === undefined ? '' : `; effort ${load.effort}`
  if (load.method === 'closed_loop')
    return `Load: ${number(load.concurrency)} ${arrivals} in flight, replicates of ${number(load.replicate_s)} s${effort}.`
  return `Load: ${load.method}, ${number(load.offered_rps)} ${arrivals}/s${share}, from ${copiesOf(load.superposed_copies, load.arrivals, 'the second half of the trace')}; replicates of ${number(load.replicate_s)} s after ${number(load.warmup_s)} s of warm-up${effort}.${burst}`
}

/** The report of one arm: the pieces of a comparison that need no second arm. */
import { fallsBehind } from '../../metrics/saturation.js'
import type { Plan } from '../../scenario/plan.js'
import { armStyles } from '../colours.js'
import { costText, fatesText, prefixCacheText, sessionsText } from '../facts.js'
import { insideText, measured, migrationText, number, percent, policiesText, stepsText } from '../format.js'
import type { RunReport } from '../runReport.js'
import { chartHosts, latencyCharts, NO_COURSE, NO_LATENCY, timeCharts } from './charts.js'
import { bullets, escapeHtml, section } from './markup.js'
import { evidenceSection, identityLine, kicker, page } from './page.js'
import { rackMaps } from './rack.js'
import { summaryTable } from './tables.js'
import { ttftBars } from './ttft.js'

export function runHtml({ meta, picture, notes }: RunReport, plan: Plan): string {
  const { summary } = picture
  const latency = latencyCharts([picture])
  const course = timeCharts([picture])
  const { saturation } = summary
  const inside = insideText(summary)
  const [load, ...others] = notes
  const sentence = (name: string, words: string | null | undefined) => (words ? [`${name}: ${words}.`] : [])
  const details = [
    ...sentence('Load', load),
    `${measured(summary.output_tok_s)} output tokens/s, ${measured(summary.output_tok_s_per_gpu)} a GPU; ${measured(summary.request_s)} requests/s over ${number(summary.window_s)} s: ${fatesText(summary)}.`,
    `${saturation.label[0].toUpperCase()}${saturation.label.slice(1)}: ${saturation.reason}${saturation.binding === 'none' ? '' : `; what binds is ${saturation.binding.replace('_', ' ')}`}.`,
    `SLO attainment ${percent(summary.slo_attainment, 1)}, KV use ${percent(summary.kv_use)}, ${number(summary.preemptions)} preemptions${summary.migrations > 0 ? `; ${migrationText(summary)}` : ''}.${summary.role_changes === null ? '' : ` Engines changed their roles ${number(summary.role_changes)} times.`}`,
    ...sentence('Cost', costText(summary, meta)),
    ...(inside === null ? [] : [`Cut short: ${inside}.`]),
    ...sentence('Prefix cache', prefixCacheText(summary)),
    ...sentence('Sessions', sessionsText(summary.sessions)),
    `Steps: ${stepsText(summary)}.`,
    policiesText(meta.arm),
  ]
  const speed = summary.metrics.tok_s_user
  const ttft = summary.metrics.ttft_ms
  const said = [
    ...(speed.p50 === null ? [] : [`${measured(speed.p50)} tokens/s/user (p50), ${measured(speed.p10)} at p10`]),
    ttft.p50 === null
      ? 'no request of the window got an answer'
      : `TTFT ${measured(ttft.p50)} ms p50, ${measured(ttft.p95)} ms p95`,
  ]
  // means over a growing queue hang on how long one looks
  const behind = fallsBehind(saturation.label)
  const title = `${meta.arm.name}${behind ? `, ${saturation.label}` : ''}: ${said.join('; ')}.`
  const header = `<header>${kicker(plan)}<h1${behind ? ' class="loss"' : ''}>${escapeHtml(title)}</h1>${bullets(details)}${identityLine(meta)}</header>`
  const undefinedNotes = Object.entries(summary.undefined_because).map(([key, reason]) => `${key} is undefined: ${reason}.`)
  const sections = [
    section(
      'latency',
      'Latency',
      'Share of requests at or below a latency. Drag to zoom, double-click to go back.',
      chartHosts(latency, NO_LATENCY),
    ),
    section(
      'ttft',
      'What the first token waits for',
      'Mean TTFT, phase by phase, in the order in which a request passes them.',
      ttftBars([picture]),
    ),
    section(
      'course',
      'Queue and memory over time',
      'The whole run, a warm-up and what follows the window included. A queue that keeps growing means that the load is beyond capacity.',
      chartHosts(course, NO_COURSE),
    ),
    section(
      'rack',
      'The rack',
      'Each cell is a GPU, each outline an engine; the number is the engine’s share in percent, after P or D where prefill and decode have engines of their own.',
      rackMaps(plan, [picture]),
    ),
    evidenceSection(meta, [...undefinedNotes, ...others]),
    section('numbers', 'All numbers', 'Requests that arrived in the window.', summaryTable(summary)),
  ]
  return page({
    title: `Shapewise: ${meta.arm.name}, ${plan.model} on ${plan.system}`,
    header,
    sections,
    // nothing to be told apart from
    arms: armStyles([meta.arm.name]).map((style) => ({ ...style, dash: [] })),
    charts: [...latency, ...course],
  })
}

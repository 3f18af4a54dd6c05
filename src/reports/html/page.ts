/** The frame of a report: one file with style, charting library, script and data in it, and nothing loaded from anywhere. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { ComparisonResult, ResultIdentity } from '../../experiments/result.js'
import type { Plan } from '../../scenario/plan.js'
import { simulatedOf, simulatedWords } from '../../scenario/simulated.js'
import type { ArmStyle } from '../colours.js'
import { identityWords } from '../terminalTable.js'
import type { Chart } from './charts.js'
import { CLIENT_SCRIPT } from './client.js'
import { bullets, embeddedJson, escapeHtml } from './markup.js'
import { STYLE } from './style.js'

const require = createRequire(import.meta.url)

/** A file of the installed uPlot package (MIT), found as Node finds packages. */
const uPlotFile = (name: string): string =>
  readFileSync(require.resolve(`uplot/dist/${name}`), 'utf8').replaceAll('</script', '<\\/script')

export interface Page {
  readonly title: string
  /** Ready HTML. */
  readonly header: string
  readonly sections: readonly string[]
  readonly arms: readonly ArmStyle[]
  readonly charts: readonly Chart[]
}

/** uPlot's licence asks that its notice travels with it; the minified file begins with it. */
export function page({ title, header, sections, arms, charts }: Page): string {
  const body = sections.filter((part) => part !== '').join('\n')
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${escapeHtml(title)}</title>
<link rel="icon" href="data:,"><style>${uPlotFile('uPlot.min.css')}${STYLE}</style></head>
<body><main>${header}${contents(body)}${body}</main><div id="tip" role="tooltip"></div>
<script type="application/json" id="data">${embeddedJson({ arms, charts })}</script>
<script>${uPlotFile('uPlot.iife.min.js')}</script>
<script>${CLIENT_SCRIPT}</script></body></html>
`
}

/** Links to the sections: pages are long, and whoever has no mouse would pass every mark of a chart on the way down. */
function contents(body: string): string {
  const links = [...body.matchAll(/<section id="([^"]*)"><h2>(.*?)<\/h2>/g)].map(
    ([, id, title]) => `<a href="#${id}">${title}</a>`,
  )
  return `<nav aria-label="Sections">${links.join(' ')}</nav>`
}

export const legend = (arms: readonly ArmStyle[]): string =>
  `<ul class="legend">${arms
    .map(
      (arm) =>
        `<li><svg viewBox="0 0 30 10" aria-hidden="true"><path d="M0 5H30" stroke="${arm.colour}" stroke-width="3" stroke-dasharray="${arm.dash.join(' ')}"/></svg>${escapeHtml(arm.name)}</li>`,
    )
    .join('')}</ul>`

/** What brackets mean on pages of paired differences. */
export const INTERVALS = 'in brackets: 95 % intervals over replicates'

export function identityLine(meta: ResultIdentity, key = ''): string {
  return `<p class="identity">${escapeHtml([...(key === '' ? [] : [key]), identityWords(meta)].join(' · '))}</p>`
}

/** Where something loses, said before any gain, and `among` how many rows; nothing when it never does. */
export const lossList = (losses: readonly string[], among: string): string =>
  losses.length === 0 ? '' : `<p class="loss">Where it loses, first (${among}):</p>${bullets(losses, 'loss')}`

/** What was simulated, in one line; of the plan, which folders of earlier versions hold too. */
export const kicker = (plan: Plan): string => `<p class="kicker">${escapeHtml(simulatedWords(simulatedOf(plan)))}</p>`

const EVIDENCE: Readonly<Record<ComparisonResult['evidence'], string>> = {
  measured: 'Kernel times come from measurements on this system.',
  interpolated: 'Kernel times are interpolated between measurements on this system.',
  transferred:
    'A tenth or more of a step rests on kernel times carried over from other kernels, beyond the measured sizes or from another system: trust ratios between arms more than absolute times.',
  roofline:
    'A tenth or more of a step rests on kernel times computed from bandwidth and peak rates, not measured: trust ratios between arms more than absolute times.',
}

export function evidenceSection(meta: Pick<ComparisonResult, 'evidence'>, notes: readonly string[]): string {
  const items = [EVIDENCE[meta.evidence], 'All times are simulated; no request was served by a real system.', ...notes]
  return `<section id="evidence"><h2>How sure is this?</h2>${bullets(items)}</section>`
}

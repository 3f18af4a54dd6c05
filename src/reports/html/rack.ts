/** The racks (or nodes) as heat maps: a row for each tray, each engine outlined, coloured by busy time or by KV use. */

import type { ComparisonResult } from '../../experiments/result.js'
import { placementOf } from '../../scenario/index.js'
import type { Plan } from '../../scenario/plan.js'
import { inkOn, shareColour } from '../colours.js'
import { percent } from '../format.js'
import { escapeHtml, svg, text } from './markup.js'

const CELL_W = 44
const CELL_H = 20
const LEFT = 30
const TOP = 18
/** More racks than this are not drawn; the caption says so. */
const RACKS_DRAWN = 4

type ArmPicture = ComparisonResult['pictures']['arms'][number]

/** [rack][gpu] -> index of the engine over all groups, -1 for a GPU without one. */
export function engineOfGpu(plan: Plan): number[][] {
  const { trays, gpusPerTray } = plan.rack
  const map = Array.from({ length: plan.racks }, () => new Array<number>(trays * gpusPerTray).fill(-1))
  placementOf(plan).forEach((place, engine) => {
    for (const gpu of place.gpus) map[place.rack][gpu] = engine
  })
  return map
}

/** What a reader calls each engine, and the letter of its role where there are several roles. */
function enginesOf(plan: Plan): { readonly name: string; readonly letter: string }[] {
  return plan.engines.flatMap(({ name, role, count }) =>
    Array.from({ length: count }, (_, i) => ({
      name: `${name}${count > 1 ? `-${i}` : ''}${role === 'aggregated' ? '' : ` (${role})`}`,
      letter: role === 'aggregated' ? '' : role === 'prefill' ? 'P ' : 'D ',
    })),
  )
}

/** Borders between cells of different engines, and around the rack. */
function outline(engines: readonly number[], { trays, gpusPerTray }: Plan['rack']): string {
  const at = (tray: number, slot: number) =>
    tray < 0 || tray >= trays || slot < 0 || slot >= gpusPerTray ? -2 : engines[tray * gpusPerTray + slot]
  let path = ''
  for (let tray = 0; tray <= trays; tray++)
    for (let slot = 0; slot <= gpusPerTray; slot++) {
      const start = `M${LEFT + slot * CELL_W} ${TOP + tray * CELL_H}`
      if (slot < gpusPerTray && at(tray, slot) !== at(tray - 1, slot)) path += `${start}h${CELL_W}`
      if (tray < trays && at(tray, slot) !== at(tray, slot - 1)) path += `${start}v${CELL_H}`
    }
  // a halo, so that the line is seen on deep cells on a light page and on pale ones on a dark page
  return `<path class="halo" d="${path}"/><path class="edge" d="${path}"/>`
}

function rackSvg(plan: Plan, engines: readonly number[], arm: ArmPicture, rack: number): string {
  const { trays, gpusPerTray } = plan.rack
  const known = enginesOf(plan)
  const cells = engines.map((engine, gpu) => {
    const x = LEFT + (gpu % gpusPerTray) * CELL_W
    const y = TOP + Math.floor(gpu / gpusPerTray) * CELL_H
    const box = `x="${x}" y="${y}" width="${CELL_W}" height="${CELL_H}"`
    const spot = `tray ${Math.floor(gpu / gpusPerTray) + 1}, GPU ${(gpu % gpusPerTray) + 1}`
    if (engine < 0) return `<rect class="cell idle" ${box} data-tip="${escapeHtml(`${spot}: no engine`)}"/>`
    const busy = arm.engine_busy[engine] ?? 0
    const kv = arm.engine_kv[engine] ?? 0
    const tip = `${spot}\nengine ${known[engine].name}\nbusy ${percent(busy)} of the time\nKV use ${percent(kv)} of the fullest rank`
    const share = (value: number, name: string) =>
      `<g class="of-${name}">${text(x + CELL_W / 2, y + 14, `${known[engine].letter}${percent(value).replace(' %', '')}`, `text-anchor="middle" font-size="11" fill="${inkOn(shareColour(value))}"`)}</g>`
    const first = engines.indexOf(engine) === gpu ? share(busy, 'busy') + share(kv, 'kv') : ''
    return `<rect class="cell" ${box} style="--busy:${shareColour(busy)};--kv:${shareColour(kv)}" data-tip="${escapeHtml(tip)}"/>${first && `<g pointer-events="none">${first}</g>`}`
  })
  const trayNumbers = Array.from({ length: trays }, (_, tray) =>
    text(LEFT - 8, TOP + tray * CELL_H + 14, String(tray + 1), 'class="soft" text-anchor="end" font-size="10"'),
  )
  const head = text(LEFT, 11, `tray · GPU 1 to ${gpusPerTray} →`, 'class="soft" font-size="10"')
  return svg(
    LEFT + gpusPerTray * CELL_W + 2,
    TOP + trays * CELL_H + 2,
    `Rack ${rack + 1}, ${arm.name}`,
    `${head}${cells.join('')}${outline(engines, plan.rack)}${trayNumbers.join('')}`,
  )
}

function scale(): string {
  const steps = Array.from(
    { length: 11 },
    (_, i) => `<rect x="${i * 22}" y="0" width="22" height="12" fill="${shareColour(i / 10)}"/>`,
  )
  return svg(
    244,
    28,
    'Colour scale from 0 to 100 %',
    `${steps.join('')}${text(0, 25, '0 %', 'class="soft" font-size="11"')}${text(242, 25, '100 %', 'class="soft" text-anchor="end" font-size="11"')}`,
  )
}

/** Works without script: two radio buttons choose what is shown. */
export function rackMaps(plan: Plan, arms: readonly ArmPicture[]): string {
  const map = engineOfGpu(plan)
  const drawn = map.slice(0, RACKS_DRAWN)
  const figures = arms.flatMap((arm) =>
    drawn.map(
      (engines, rack) =>
        `<figure class="rack"><h3>${escapeHtml(arm.name)}${map.length > 1 ? `, rack ${rack + 1}` : ''}</h3>${rackSvg(plan, engines, arm, rack)}</figure>`,
    ),
  )
  const more = map.length > drawn.length ? `<p class="lead">The first ${drawn.length} of ${map.length} racks are drawn.</p>` : ''
  return `<fieldset class="switch" aria-label="What the colours of the cells show"><label><input type="radio" name="see" id="see-busy" checked> busy share of time</label><label><input type="radio" name="see" id="see-kv"> KV use</label></fieldset>${scale()}<div class="racks">${figures.join('')}</div>${more}`
}

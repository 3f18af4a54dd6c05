/**
 * The script of a report, as text: it runs in a reader's browser, not here. It draws the uPlot charts from the embedded JSON
 * and shows tooltips; all else on the page is static. Reader: `window.uPlot`, the element `#data` (see charts.ts).
 */
export const CLIENT_SCRIPT = `
(() => {
  const data = JSON.parse(document.getElementById('data').textContent)
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()
  // marks of an axis are round: after a zoom they need all of their digits to differ
  const short = (v, digits = 3) => {
    if (v == null) return '–'
    const [unit, name] = [[1e9, 'G'], [1e6, 'M'], [1e3, 'k'], [1, '']].find(([one]) => v >= one) || [1, '']
    return +(v / unit).toPrecision(digits) + name
  }
  const round = (v) => short(v, 9)
  const decades = (min, max) => {
    for (const steps of [[1, 2, 5], [1, 3], [1]]) {
      const all = []
      for (let e = Math.floor(Math.log10(min)); 10 ** e <= max; e++) for (const m of steps) { const v = +(m * 10 ** e).toPrecision(6); if (v >= min && v <= max) all.push(v) }
      if (all.length > 2 && (all.length <= 6 || steps.length === 1)) return all
      if (all.length <= 2) break
    }
    const power = 10 ** Math.floor(Math.log10((max - min) / 4))
    const step = power * [1, 2, 5, 10].find((m) => m * power >= (max - min) / 4)
    return Array.from({ length: Math.floor(max / step) - Math.ceil(min / step) + 1 }, (_, i) => (Math.ceil(min / step) + i) * step)
  }
  const plots = []
  // half a request is none
  const wholes = Array.from({ length: 27 }, (_, i) => [1, 2, 5][i % 3] * 10 ** Math.floor(i / 3))
  function draw(chart) {
    const host = document.getElementById(chart.id)
    const axis = (extra) => ({ stroke: () => css('--soft'), grid: { stroke: () => css('--grid'), width: 1 }, ticks: { stroke: () => css('--grid'), width: 1 }, font: '12px system-ui', labelFont: '12px system-ui', ...extra })
    // nothing is pointed at: no value
    const show = (unit) => (u, v, series, at) => at == null ? '' : v == null ? '–' : unit === 'share' ? short(v * 100) + ' %' : short(v) + ' ' + unit
    const plot = new uPlot({
      width: host.clientWidth, height: 230,
      cursor: { sync: chart.sync ? { key: chart.sync } : undefined, points: { size: 6 } },
      scales: {
        x: chart.log ? { time: false, distr: 3, range: (u, min, max) => [min, max] } : { time: false },
        y: { range: chart.share ? (u, min, max) => [0, Math.max(max * 1.05, chart.full ? 1 : 0.05)].map((v) => Math.min(1, v)) : (u, min, max) => [0, max > 0 ? max * 1.08 : 1] },
      },
      axes: [
        axis({ label: chart.xLabel, labelSize: 22, size: 34, values: (u, vs) => vs.map(round), ...(chart.log ? { splits: (u, i, min, max) => decades(min, max), filter: (u, s) => s } : {}) }),
        axis({ label: chart.yLabel, labelSize: 20, size: 58, ...(chart.whole ? { incrs: wholes } : {}), values: (u, vs) => vs.map((v) => chart.share ? round(v * 100) + ' %' : round(v)) }),
      ],
      series: [{ label: chart.xName, value: show(chart.xUnit) }, ...data.arms.map((arm) => ({ label: arm.name, stroke: arm.colour, dash: arm.dash, width: 2, points: { show: false }, value: show(chart.share ? 'share' : '') }))],
    }, chart.data, host)
    host.dataset.drawn = String(plot.data[0].length)
    plots.push([plot, host])
  }
  data.charts.forEach(draw)
  addEventListener('resize', () => plots.forEach(([plot, host]) => plot.setSize({ width: host.clientWidth, height: 230 })))
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => plots.forEach(([plot]) => plot.redraw(false, true)))
  const tip = document.getElementById('tip')
  const place = (target, x, y) => {
    tip.textContent = target.dataset.tip
    tip.style.display = 'block'
    const box = tip.getBoundingClientRect()
    tip.style.left = Math.max(4, Math.min(x + 14, innerWidth - box.width - 4)) + 'px'
    tip.style.top = (y + 18 + box.height > innerHeight ? y - box.height - 10 : y + 18) + 'px'
  }
  const hide = () => { tip.style.display = 'none' }
  const point = (event) => {
    const target = event.target.closest && event.target.closest('[data-tip]')
    if (target) place(target, event.clientX, event.clientY)
    else hide()
  }
  addEventListener('pointermove', point)
  // a finger that taps does not move; one that begins to scroll ends its pointer
  addEventListener('pointerdown', point)
  addEventListener('pointercancel', hide)
  addEventListener('focusin', (event) => {
    if (!event.target.dataset || !event.target.dataset.tip) return
    const box = event.target.getBoundingClientRect()
    place(event.target, box.left, box.bottom)
  })
  addEventListener('focusout', hide)
})()
`

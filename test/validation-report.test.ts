/** What validate writes: JSON, table, HTML, the generated part of a page. */
import { describe, expect, it } from 'vitest'
import { scatterPlot } from '../src/reports/html/scatter.js'
import { validationHtml, worstFirst } from '../src/reports/html/validation.js'
import { withGenerated } from '../src/reports/markdown.js'
import { validationTable } from '../src/reports/validation.js'
import { DOCS_MARKS, validationDocs } from '../src/reports/validationDocs.js'
import { constantsOf, loadCalibration } from '../src/timing/index.js'
import { parseCsv } from '../src/validation/csvTable.js'
import { validationJson } from '../src/validation/json.js'
import { type Scored, scoreRow } from '../src/validation/scores.js'
import { servingRows } from '../src/validation/servingRow.js'
import { mapRows } from '../src/validation/validate.js'
import { rowCsv } from './validationRows.js'

/** TPOT errors of 0, -50 and +100 %; the last row queues; one blank, one refused. */
const { rows, refused } = mapRows(
  servingRows(
    parseCsv(
      rowCsv([
        { id: 'even', concurrency: '4', tpot_ms: '10', ttft_ms: '100' },
        { id: 'low', concurrency: '8', tpot_ms: '20', ttft_ms: '100' },
        { id: 'high', concurrency: '16', tpot_ms: '5', ttft_ms: '90000' },
        { id: 'blank' },
        { id: 'odd <model>', model: 'other' },
      ]),
      'rows.csv',
    ),
  ),
  new Map(),
)
const scored: Scored = {
  refused,
  rows: rows.map(({ row, plan }) =>
    scoreRow(row, plan, { id: row.id, tpotMs: 10, ttftMs: 100, outputTokSPerGpu: 50, waitMs: 0 }, 'interpolated'),
  ),
}

describe('what is written', () => {
  it('JSON holds every row in the order of the file, simulated values, errors where there is a measurement', () => {
    const json = validationJson(scored)
    expect(json.rows.map(({ id }) => id)).toEqual(['even', 'low', 'high', 'blank', 'odd <model>'])
    expect(json.rows[1]).toMatchObject({
      tpot_ms: 10,
      ttft_ms: 100,
      output_tok_s_per_gpu: 50,
      saturated: false,
      tpot_error_pct: -50,
    })
    expect(json.rows[3]).not.toHaveProperty('tpot_error_pct')
    expect(json.rows[4]).toMatchObject({ tpot_ms: null, refused: 'there is no model file for other' })
    const load = json.groups.filter(({ group }) => group === 'load')
    expect(load.map(({ value, tpot }) => [value, tpot?.rows, tpot?.mean_pct])).toEqual([
      ['saturated', 1, 100],
      ['unsaturated', 2, 25],
    ])
    expect(JSON.stringify(json)).not.toMatch(/\d\.\d{7}/)
    expect(json.rank[0]).toMatchObject({ group: 'gb200 deepseek-r1 1024/1024', rows: 3, tpot: null })
  })

  it('unsaturated rows go by whether their concurrency fills the decode slots, within 5 %', () => {
    const [{ row, plan, simulated }] = scored.rows
    const of = (slots: number | null) =>
      scoreRow(row, { ...plan, concurrency: 100, slots }, { id: row.id, ...simulated, waitMs: 0 }, 'interpolated')
    // where no limit is known, nobody can say that it is reached
    const rows = [94, 96, 100, 105, 106, null].map(of)
    expect(rows.map(({ full }) => full)).toEqual([false, true, true, true, false, false])
    const groups = validationJson({ rows, refused: [] }).groups.filter(({ group }) => group === 'unsaturated, by slots')
    expect(groups.map(({ value, tpot }) => [value, tpot?.rows])).toEqual([
      ['all others', 3],
      ['concurrency equals the decode slots', 3],
    ])
  })

  it('the table shows measured, simulated and error of every cell, and the reason of a refusal', () => {
    const text = validationTable(scored)
    expect(text).toMatch(/^low .* 10 +20 +−50\.0 % +100 +100 +0\.0 %/m)
    expect(text).toMatch(/^odd <model> +A +there is no model file for other$/m)
  })

  it('the page draws a mark for each measured row and escapes what came from the file', () => {
    const html = validationHtml({ scored, constants: 'test', version: '0' })
    expect(html.match(/<circle class="mark"/g)).toHaveLength(9)
    expect(html).toContain('odd &lt;model&gt;')
    expect(html).not.toContain('odd <model>')
    expect(worstFirst(scored.rows)[0].row.id).toBe('high')
    expect(scatterPlot([], 'x')).toContain('No row')
    // shown whole at any width: a plot that must be scrolled hides its largest values
    expect(html.slice(html.indexOf('id="scatter"'), html.indexOf('id="groups"'))).not.toContain('class="wide"')
  })

  it('the page lists the rows without a measurement, and has no section without rows', () => {
    const blank: Scored = { rows: scored.rows.filter(({ row }) => row.id === 'blank'), refused: [] }
    const sectionsOf = (html: string) => [...html.matchAll(/<section id="(\w+)"/g)].map(([, id]) => id)
    expect(sectionsOf(validationHtml({ scored: blank, constants: 'test', version: '0' }))).toEqual(['simulated'])
    const html = validationHtml({ scored, constants: 'test', version: '0' })
    expect(sectionsOf(html)).toEqual(['scatter', 'groups', 'ranks', 'worst', 'simulated', 'refused'])
    const listed = html.slice(html.indexOf('id="simulated"'), html.indexOf('id="refused"'))
    expect([listed.includes('<td>blank</td>'), listed.includes('<td>even</td>')]).toEqual([true, false])
    // groups of rows without a measurement are left out, as on the terminal
    expect(html.slice(html.indexOf('id="groups"'), html.indexOf('id="ranks"'))).not.toContain('<td>0</td>')
  })

  it('both axes of a plot are equally long, and a narrow range has marks enough', () => {
    const point = (measured: number, simulated: number) => ({ measured, simulated, colour: '#000', tip: '' })
    const html = scatterPlot([point(0.8, 0.97), point(4.2, 3.2)], 'ratio', 'published')
    const [x0, y0, x1, y1] = /class="axis" d="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)"/.exec(html)?.slice(1).map(Number) ?? []
    expect(x1 - x0).toBeCloseTo(y0 - y1, 6)
    for (const mark of ['0.7', '1', '1.5', '2', '3', '4']) expect(html.split(`>${mark}</text>`)).toHaveLength(3)
    expect(html).toContain('published ratio')
    expect(html).not.toContain('measured')
  })

  it('the generated part replaces the last one and leaves the rest of the page alone', () => {
    const docs = { scored, calibration: loadCalibration(), ablation: [], folds: [], leftOut: '' }
    const generated = validationDocs(docs)
    expect(generated.split('\n').findIndex((line) => line.startsWith('| high |'))).toBeLessThan(
      generated.split('\n').findIndex((line) => line.startsWith('| even |')),
    )
    expect(generated).not.toContain('90000')
    const once = withGenerated('# Mine\n', generated, DOCS_MARKS)
    const twice = withGenerated(once.replace('# Mine', '# Yours'), 'new', DOCS_MARKS)
    expect(once.startsWith('# Mine\n\n')).toBe(true)
    expect(twice).toBe(`# Yours\n\n${DOCS_MARKS.begin}\n\nnew\n\n${DOCS_MARKS.end}\n`)
  })

  it('names the constants that one configuration alone fixes, where they were fitted without some rows', () => {
    const shipped = loadCalibration()
    const frontendMs = { ...shipped.constants.frontendMs, source: '3 rows of 1 configurations' }
    const calibration = { ...shipped, constants: { ...shipped.constants, frontendMs } }
    const docs = { scored, calibration, ablation: [], leftOut: '' }
    const folds = [{ fold: { name: 'fold 1', heldOut: new Set<string>() }, constants: constantsOf(calibration) }]
    expect(validationDocs({ ...docs, folds })).toContain(
      'One configuration alone fixes frontendMs: a fit without its rows leaves it neutral.',
    )
    expect(validationDocs({ ...docs, folds: [] })).not.toContain('One configuration alone')
  })
})

/** `validate` and `calibrate` from the command line: what is printed and written, and mistakes. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { newFolder, put, shapewise } from './cliRunner.js'
import { rowCsv, settingsCsv } from './validationRows.js'

const DISAGG = {
  mode: 'disagg',
  concurrency: '6',
  prefill_workers: '1',
  prefill_gpus_per_worker: '4',
  prefill_attention_tp: '1',
  prefill_attention_dp: '4',
  prefill_moe_ep: '4',
  decode_workers: '2',
  decode_gpus_per_worker: '4',
}
const dir = newFolder()
const rows = [
  { ...DISAGG, id: 'a', tpot_ms: '6', ttft_ms: '300' },
  { ...DISAGG, id: 'b', concurrency: '12', spec_nextn: '2' },
  { ...DISAGG, id: 'c', model: 'unheard-of' },
]
put(dir, 'rows.csv', rowCsv(rows))
put(dir, 'recipe-settings.csv', settingsCsv([{ id: 'a', mtp_n: '0', decode_max_batch_per_rank: '2' }]))
put(dir, 'bad.csv', 'id,system\n1,gb200\n')
writeFileSync(join(dir, 'latin1.md'), Buffer.from('# Ours\ncaf\xe9\n', 'latin1'))

describe('validate --rows', () => {
  it('prints JSON, the same for any number of threads, and says on stderr what was assumed', () => {
    const one = shapewise(dir, 'validate', '--rows', 'rows.csv', '--format', 'json', '--threads', '1')
    const two = shapewise(dir, 'validate', '--rows', 'rows.csv', '--format', 'json', '--threads', '2', '--quiet')
    expect(one.status).toBe(0)
    expect(two.stdout).toBe(one.stdout)
    expect(two.stderr).toBe('')
    expect(one.stderr).toMatch(/settings: recipe-settings\.csv, of 1 of 3 rows; the others/)
    expect(one.stderr).toMatch(/trtllm-2026 2/)
    expect(one.stderr).toMatch(/trtllm rows without a usable cut: prefill .* DEP/)
    const json = JSON.parse(one.stdout)
    expect(json.rows.map(({ id }: { id: string }) => id)).toEqual(['a', 'b', 'c'])
    const [a, b, c] = json.rows
    // 6 requests for 2 engines of 2 places: a third of them waits for a place
    expect(a.ttft_ms).toBeGreaterThan(2 * b.ttft_ms)
    expect(b.tpot_ms).toBeLessThan(a.tpot_ms)
    expect(a.tpot_error_pct).toBeCloseTo(100 * (a.tpot_ms / 6 - 1), 1)
    expect(b).not.toHaveProperty('tpot_error_pct')
    expect(c).toMatchObject({ tpot_ms: null, refused: 'there is no model file for unheard-of' })
  })

  it('draws lengths with seed 1 unless told otherwise', () => {
    const printed = (...flags: string[]) =>
      shapewise(dir, 'validate', '--rows', 'rows.csv', '--format', 'json', '--quiet', ...flags).stdout
    expect(printed('--seed', '1')).toBe(printed())
    expect(printed('--seed', '2')).not.toBe(printed())
  })

  it('writes a page and keeps what a document says besides the generated part', () => {
    put(dir, 'page.md', '# Ours\n')
    const { status } = shapewise(dir, 'validate', '--rows', 'rows.csv', '--report', 'r.html', '--docs', 'page.md', '--quiet')
    expect(status).toBe(0)
    expect(readFileSync(join(dir, 'r.html'), 'utf8')).toContain('Simulated against measured')
    const page = readFileSync(join(dir, 'page.md'), 'utf8')
    expect(page.startsWith('# Ours\n')).toBe(true)
    expect(page).toMatch(/\| batch limits off \| \d/)
  })
})

describe('calibrate', () => {
  it('writes a calibration that validate takes, draws included', () => {
    const made = shapewise(dir, 'calibrate', '--rows', 'rows.csv', '--out', 'mine.json', '--quiet')
    expect(made.status).toBe(0)
    expect(made.stdout).toMatch(/era2025 +1 .*no row: neutral/)
    const drawn = shapewise(
      dir,
      'validate',
      '--rows',
      'rows.csv',
      '--calibration',
      './mine.json',
      '--draws',
      '3',
      '--format',
      'json',
      '--quiet',
    )
    expect(drawn.status).toBe(0)
    const [low, high] = JSON.parse(drawn.stdout).rows[0].ttft_ms_range
    expect(low).toBeLessThanOrEqual(high)
    const again = shapewise(dir, 'calibrate', '--rows', 'rows.csv', '--out', 'mine.json')
    expect(again.status).toBe(2)
    expect(again.stderr).toMatch(/^--out mine\.json {2}exists already$/m)
  })
})

describe('mistakes', () => {
  it('a page of another coding under --docs is refused before anything is read or simulated', () => {
    const { status, stderr } = shapewise(dir, 'validate', '--rows', 'bad.csv', '--docs', 'latin1.md', '--quiet')
    expect(status).toBe(2)
    expect(stderr).toMatch(/^latin1\.md {2}line 2 is not UTF-8 text/)
  })

  it.each([
    ['no rows', ['validate'], /--rows {2}no measured rows were given/],
    ['missing columns', ['validate', '--rows', 'bad.csv'], /bad\.csv:1 {2}columns model, precision/],
    ['no file', ['validate', '--rows', 'none.csv'], /none\.csv {2}cannot be read: /],
    ['no settings file', ['validate', '--rows', 'rows.csv', '--settings', 'none.csv'], /none\.csv {2}cannot be read: /],
    [
      'draws of folds',
      ['validate', '--rows', 'rows.csv', '--draws', '3', '--by', 'pair'],
      /--draws {2}draws are of the constants/,
    ],
    [
      'one fold',
      ['validate', '--rows', 'rows.csv', '--cross-validate', '1'],
      /--cross-validate {2}expected a whole number from 2/,
    ],
    ['report nowhere', ['validate', '--rows', 'rows.csv', '--report', 'none/r.html'], /--report {2}cannot write none\/r\.html/],
    [
      'report that is no page',
      ['validate', '--rows', 'rows.csv', '--report', 'r.csv'],
      /--report r\.csv {2}is not the name of a page/,
    ],
    ['report over the rows', ['validate', '--rows', 'rows.csv', '--report', './rows.csv'], /rows\.csv: the command reads it/],
    [
      'docs over a page of another coding',
      ['validate', '--rows', 'rows.csv', '--docs', 'latin1.md'],
      /latin1\.md {2}line 2 is not UTF-8 text/,
    ],
    ['docs in a folder', ['validate', '--rows', 'rows.csv', '--docs', '.'], /--docs {2}cannot write \.: it is a folder/],
    ['constants nowhere', ['calibrate', '--rows', 'rows.csv', '--out', 'none/c.json'], /--out {2}cannot write none\/c\.json/],
    [
      'no calibration',
      ['validate', '--rows', 'rows.csv', '--calibration', './bad.csv'],
      /shipped ones in data\/calibration are examples/,
    ],
    ['calibrate without rows', ['calibrate'], /--rows {2}no measured rows were given/],
    ['nothing to fit', ['calibrate', '--rows', 'blank.csv', '--quiet'], /blank\.csv {2}no row of tier A or B/],
    ['overwrite without out', ['calibrate', '--rows', 'rows.csv', '--overwrite'], /--overwrite {2}has no effect without --out/],
  ] as const)('%s', (_, args, message) => {
    put(dir, 'blank.csv', rowCsv([{ ...DISAGG, id: 'x' }]))
    const { status, stdout, stderr } = shapewise(dir, ...args)
    expect(stderr).toMatch(message)
    expect(stdout).toBe('')
    expect(status).toBe(2)
    expect(existsSync(join(dir, 'runs'))).toBe(false)
  })
})

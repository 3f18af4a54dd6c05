/** `trace inspect` and `trace diff` on the command line: what is printed, and what is refused. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { inTerminal, newFolder, put, shapewise } from './cliRunner.js'

const row = (i: number, isl: number): string =>
  `${(i * 0.7 + 0.6 * Math.abs(Math.sin(i * i))).toFixed(3)},${isl + (i % 13) * 20},${50 + (i % 7)}`
const csv = (rows: number, isl = 400): string =>
  `arrival_s,input_tokens,output_tokens\n${Array.from({ length: rows }, (_, i) => row(i, isl)).join('\n')}\n`
const mooncake = Array.from({ length: 60 }, (_, i) =>
  JSON.stringify({ timestamp: i * 500, input_length: 1024, output_length: 20, hash_ids: [0, 1 + (i % 30)] }),
).join('\n')

describe('trace inspect', () => {
  it('prints the keys that other tools read, in this order and first among others', () => {
    const folder = newFolder()
    const { status, stdout } = shapewise(folder, 'trace', 'inspect', put(folder, 'a.jsonl', mooncake), '--format', 'json')
    expect(status).toBe(0)
    const found = JSON.parse(stdout)
    expect(found).toMatchObject({
      n: 60,
      duration_s: 29.5,
      isl: { mean: 1024, p50: 1024, p90: 1024, p99: 1024, max: 1024 },
      osl: { mean: 20, p50: 20, p90: 20, p99: 20, max: 20 },
      gap_cv: 0,
      hit_rate: { lru: {} },
    })
    expect(Object.keys(found.idc)).toEqual(['1', '10', '60'])
    // 30 prompts come twice, and all share their first half
    expect(found.hit_rate.ideal).toBeCloseTo((29 * 512 + 30 * 1024) / (60 * 1024), 12)
    expect(Object.keys(found.hit_rate.lru)).toEqual(['1000000', '3000000', '10000000', '30000000'])
    expect(found.warnings.join(' ')).toMatch(/too short for an index of dispersion over 10 and 60 s/)
    expect(Object.keys(found).every((key) => /^[a-z0-9_]+$/.test(key))).toBe(true)
  })

  it.each([0, 1, 40])('draws in a terminal of %i columns', (columns) => {
    const folder = newFolder()
    const { status, stdout, stderr } = inTerminal(columns, folder, 'trace', 'inspect', put(folder, 'a.csv', csv(20)))
    expect(stderr).not.toMatch(/internal error/)
    expect(status).toBe(0)
    const drawn = stdout.split('\n').filter((line) => /^ *[▁▂▃▄▅▆▇█]/.test(line))
    expect(drawn.length).toBeGreaterThan(5)
    expect(Math.max(...drawn.map((line) => line.length))).toBeLessThanOrEqual({ 0: 110, 1: 20 }[columns] ?? columns)
  })

  it('takes sizes of caches', () => {
    const folder = newFolder()
    const file = put(folder, 'a.jsonl', mooncake)
    const { stdout } = shapewise(folder, 'trace', 'inspect', file, '--format', 'json', '--lru', '1k,1.5M')
    const { lru } = JSON.parse(stdout).hit_rate
    expect(Object.keys(lru)).toEqual(['1000', '1500000'])
    expect(lru['1500000']).toBe(JSON.parse(stdout).hit_rate.ideal)
    expect(lru['1000']).toBeCloseTo((59 * 512) / (60 * 1024), 12)
  })

  it.each([
    [['--lru', 'much'], /--lru {2}expected sizes in tokens such as 500k or 2M/],
    [['--lru', '0'], /--lru {2}expected sizes/],
    [['--html', 'no/such/folder/a.html'], /--html {2}cannot write/],
    [['--html', 'a.csv'], /the command reads it/],
    [['--html', 'b.csv'], /--html b\.csv {2}is not the name of a page/],
  ])('refuses %j', (flags, message) => {
    const folder = newFolder()
    const { status, stdout, stderr } = shapewise(folder, 'trace', 'inspect', put(folder, 'a.csv', csv(20)), ...flags)
    expect(status).toBe(2)
    expect(stderr).toMatch(message)
    expect(stdout).toBe('')
  })

  it('writes a page and draws in the terminal', () => {
    const folder = newFolder()
    const { status, stdout } = shapewise(folder, 'trace', 'inspect', put(folder, 'a.csv', csv(300)), '--html', 'a.html')
    expect(status).toBe(0)
    expect(stdout).toMatch(/^a\.csv: 300 requests in \d+ s \(csv\)/)
    expect(stdout).toMatch(/[▁▂▃▄▅▆▇█]{20}/)
    expect(readFileSync(join(folder, 'a.html'), 'utf8')).toContain('a.csv: 300 requests')
  })

  it.each([
    ['--html', 'a.html'],
    ['--lru', '1M'],
    ['--limit', '5'],
    ['--window', '1..2'],
    ['--columns', 'time=a'],
  ])('a folder of client pools does not take %s, which it could not heed', (flag, value) => {
    const folder = newFolder()
    const { status, stderr } = shapewise(folder, 'trace', 'inspect', folder, flag, value)
    expect(status).toBe(2)
    expect(stderr).toMatch(new RegExp(`${flag} {2}a pool has no requests`))
    expect(existsSync(join(folder, 'a.html'))).toBe(false)
  })
})

describe('trace diff', () => {
  const folder = newFolder()
  const same = put(folder, 'same.csv', csv(400))
  const longer = put(folder, 'longer.csv', csv(400, 600))

  it('says that a trace is like itself', () => {
    const { status, stdout } = shapewise(folder, 'trace', 'diff', same, same, '--fail-on-difference')
    expect(status).toBe(0)
    expect(stdout).toMatch(/Same traffic, as far as \d+ statistics tell\./)
  })

  it('names what differs, and fails only when asked to', () => {
    const { status, stdout } = shapewise(folder, 'trace', 'diff', same, longer)
    expect(status).toBe(0)
    expect(stdout).toMatch(/ISL mean +\d+ +\d+ +\+38\.\d %.*≠ different/)
    expect(stdout).toMatch(/Different traffic: \d+ of \d+ statistics/)
    const failing = shapewise(folder, 'trace', 'diff', same, longer, '--fail-on-difference', '--format', 'json')
    expect(failing.status).toBe(1)
    expect(failing.stderr).toMatch(/--fail-on-difference {2}Different traffic/)
    const { verdict, lines } = JSON.parse(failing.stdout)
    expect(verdict).toBe('different')
    expect(lines.find((line: { statistic: string }) => line.statistic === 'ISL mean')).toMatchObject({
      verdict: 'different',
      scale: 'relative',
    })
  })

  it('lets the rates differ when told so', () => {
    const faster = put(
      folder,
      'faster.csv',
      csv(400).replace(/^(\d+\.\d+),/gm, (_, time: string) => `${(Number(time) / 3).toFixed(4)},`),
    )
    expect(shapewise(folder, 'trace', 'diff', same, faster, '--fail-on-difference').status).toBe(1)
    expect(shapewise(folder, 'trace', 'diff', same, faster, '--scale-free', '--fail-on-difference').status).toBe(0)
  })

  it('decides nothing on a few requests', () => {
    const few = put(folder, 'few.csv', csv(10))
    const { status, stdout } = shapewise(folder, 'trace', 'diff', few, same)
    expect(status).toBe(0)
    expect(stdout).toMatch(/Undecided/)
    expect(shapewise(folder, 'trace', 'diff', few, same, '--fail-on-difference').status).toBe(1)
  })
})

describe('options that could have no effect are refused', () => {
  const folder = newFolder()
  const dates = Array.from({ length: 60 }, (_, i) => `2024-03-01 10:00:${String(i).padStart(2, '0')}.5,100,10`)
  put(folder, 'fine.csv', csv(60))
  put(
    folder,
    'ticks.csv',
    `arrival_s,input_tokens,output_tokens\n${Array.from({ length: 60 }, (_, i) => `${2 * Math.floor(i / 5)},${100 + i},10`).join('\n')}\n`,
  )
  put(folder, 'plain.csv', csv(60).replace('arrival_s', 'time'))
  put(folder, 'lengths.csv', csv(60).replace(/^[^,]*,/gm, ''))
  put(folder, 'dates.csv', `time,input_tokens,output_tokens\n${dates.join('\n')}\n`)
  put(folder, 'times.csv', `time,input_tokens,output_tokens\n${dates.join('\n').replaceAll('2024-03-01 ', '')}\n`)
  put(
    folder,
    'waits.jsonl',
    mooncake.replace(/"timestamp":(\d+)/g, (_, ms: string) => `"session_id":"a","${ms === '0' ? 'timestamp' : 'delay'}":0`),
  )

  const dated = mooncake.replace(/"timestamp":(\d+)/g, (_, ms: string) => `"timestamp":"${new Date(+ms).toISOString()}"`)
  put(folder, 'dates.jsonl', dated)

  it.each([
    ['inspect fine.csv --lru 1M', '--lru  has no effect: the trace has no ids of prefix blocks'],
    ['inspect waits.jsonl --lru 1M', '--lru  has no effect: some requests wait for others'],
    ['merge dates.csv times.csv out.swt --time-unit ms', '--time-unit  has no effect: the times are dates and times of day'],
    ['diff dates.csv dates.jsonl --time-unit ms', '--time-unit  has no effect: the times are dates'],
    ['diff fine.csv lengths.csv --scale-free', '--scale-free  has no effect: only the first trace has a rate'],
    ['inspect dates.csv --time-unit ms', 'dates.csv  the time unit has no effect: the times are dates'],
    ['inspect dates.jsonl --time-unit s', 'dates.jsonl  the time unit has no effect: the times are dates'],
    ['inspect times.csv --time-unit ms', 'times.csv  the time unit has no effect: the times are times of day'],
    ['inspect fine.csv --window ..', "--window  has no effect: '..' keeps every request"],
    ['convert fine.csv out.swt --window 0..', "--window  has no effect: '0..' keeps every request"],
    ['inspect lengths.csv --window 0..9', 'lengths.csv  a window of time has no effect: everything starts at one time'],
  ])('%s', (line, says) => {
    const { status, stdout, stderr } = shapewise(folder, 'trace', ...line.split(' '))
    expect(stderr).toContain(says)
    expect(stderr).toContain('hint: leave it out')
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(existsSync(join(folder, 'out.swt'))).toBe(false)
  })

  it.each([
    'merge plain.csv dates.csv united.swt --time-unit ms',
    'diff dates.csv plain.csv --time-unit ms',
    'merge fine.csv ticks.csv both.swt --keep-ticks',
    'diff fine.csv ticks.csv --spread-ticks --seed 3',
  ])('one of several files will do: %s', (line) => {
    const { status, stderr } = shapewise(folder, 'trace', ...line.split(' '))
    expect(status).toBe(0)
    expect(stderr).not.toMatch(/has no effect/)
  })

  it.each([
    ['inspect fine.csv --spread-ticks --seed 3', '--spread-ticks'],
    ['convert fine.csv kept.swt --keep-ticks', '--keep-ticks'],
    ['merge fine.csv dates.csv merged.swt --keep-ticks', '--keep-ticks'],
    ['diff fine.csv dates.csv --spread-ticks', '--spread-ticks'],
  ])('but what to do about ticks may be said of any file: %s', (line, option) => {
    const { status, stderr } = shapewise(folder, 'trace', ...line.split(' '))
    expect(stderr.split(`${option} has no effect: no arrivals come in ticks of a second or more`)).toHaveLength(2)
    expect(status).toBe(0)
  })
})

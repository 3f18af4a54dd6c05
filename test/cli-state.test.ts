/** Saved states on the command line: a run that stops, and others that go on from there. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync, gzipSync } from 'node:zlib'
import { decode, encode } from '@msgpack/msgpack'
import { parquetReadObjects } from 'hyparquet'
import { describe, expect, it } from 'vitest'
import { kernelsDigest } from '../src/timing/index.js'
import { newFolder, put, shapewise } from './cliRunner.js'

const TRACE = fileURLToPath(new URL('../traces/agent.swt.gz', import.meta.url))
const STOP_S = 120
const folder = newFolder()
const flags = [
  ...['engines.0.count=1', 'engines.0.enable_prefix_caching=true', 'engines.0.max_model_len=131072'].flatMap((set) => [
    '--set',
    set,
  ]),
  '--format',
  'json',
  '--quiet',
]
const run = (...more: string[]) => shapewise(folder, 'run', TRACE, ...flags, ...more)
const rowsOf = async (out: string): Promise<Record<string, unknown>[]> => {
  const bytes = readFileSync(join(folder, out, 'requests.parquet'))
  return parquetReadObjects({ file: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer })
}
const later = (rows: Record<string, unknown>[]) => rows.filter((row) => Number(row.arrival_ns) >= STOP_S * 1e9)

describe('a saved state', () => {
  const saved = run('--stop-at', String(STOP_S), '--save-state', 'warm.state')

  it('is written where the run stops', () => {
    expect(saved.stderr).toBe('')
    const { load, summary } = JSON.parse(saved.stdout)
    expect(load).toBe(`offered as recorded; ended at ${STOP_S} s`)
    expect(summary.requests.running + summary.requests.completed).toBeGreaterThan(10)
  })

  it('LAW-13: taken up by the same arm gives the run that was never stopped', async () => {
    const whole = run('--out', 'whole')
    const second = run('--warm-from', 'warm.state', '--out', 'second')
    expect(second.stderr).not.toMatch(/Error|warm/)
    const expected = later(await rowsOf('whole'))
    expect(expected.length).toBeGreaterThan(50)
    expect(later(await rowsOf('second'))).toEqual(expected)
    const { load, summary } = JSON.parse(second.stdout)
    expect(load).toBe(`offered as recorded; going on from the state of static at ${STOP_S} s`)
    expect(summary.requests.injected).toBe(expected.length)
    expect(summary.prefix_cache.hit_rate).not.toBe(JSON.parse(whole.stdout).summary.prefix_cache.hit_rate)
  })

  it('is of the constants that it was made with: corrected ones make another plan, which does not take it up', () => {
    const copy = newFolder()
    const root = fileURLToPath(new URL('../', import.meta.url))
    for (const name of ['dist', 'data', 'package.json']) cpSync(join(root, name), join(copy, name), { recursive: true })
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
    const elsewhere = () =>
      spawnSync(process.execPath, [join(copy, 'dist/bin/shapewise.js'), 'run', TRACE, ...flags, '--warm-from', 'warm.state'], {
        cwd: folder,
        encoding: 'utf8',
      })
    expect(elsewhere()).toMatchObject({ status: 0, stderr: '' })
    const path = join(copy, 'data/levers/split-machine.json')
    const constants = JSON.parse(readFileSync(path, 'utf8'))
    constants.families.gqa.bandwidth_gb_s.value /= 2
    writeFileSync(path, JSON.stringify(constants))
    expect(elsewhere()).toMatchObject({ status: 2, stderr: expect.stringContaining('it is the state of another plan') })
  })

  it('names its kernel tables by their content', () => {
    const digest = createHash('sha256')
    for (const system of ['gb200', 'gb300']) digest.update(readFileSync(new URL(`../data/timing/${system}.bin`, import.meta.url)))
    expect(kernelsDigest()).toBe(digest.digest('hex'))
  })

  it('is where the time that was simulated is counted from', () => {
    const dir = newFolder()
    const file = put(dir, 't.csv', 'arrival_s,input_tokens,output_tokens\n0,100,20\n1,200,20\n')
    const simulated = (...more: string[]) =>
      /^simulated (.*) s in \d+\.\d{3} s(, \d+ times real time)?; summarised the records in \d+\.\d{3} s$/m.exec(
        shapewise(dir, 'run', file, '--format', 'json', ...more).stderr,
      )
    const whole = Number(simulated()?.[1])
    expect(whole).toBeGreaterThan(1)
    simulated('--stop-at', '1', '--save-state', 'early')
    expect(Number(simulated('--warm-from', 'early')?.[1])).toBeCloseTo(whole - 1, 1)
  })

  it('after which nobody comes is not saved, and no run begins with one', () => {
    const dir = newFolder()
    const rows = Array.from({ length: 40 }, (_, i) => `${i},100,${i === 20 ? 3000 : 20}`)
    const file = put(dir, 't.csv', `arrival_s,input_tokens,output_tokens\n${rows.join('\n')}\n`)
    const here = (...more: string[]) => shapewise(dir, 'run', file, '--quiet', '--format', 'json', ...more)
    const nothing = (name: string, stopAt: string) =>
      expect(here('--stop-at', stopAt, '--save-state', name)).toMatchObject({
        status: 2,
        stdout: expect.stringContaining('"injected": 40'),
        stderr: expect.stringMatching(`--save-state ${name} {2}no request is sent from ${stopAt} s on: a run that goes on`),
      })
    // all is over; the last ones are still inside
    nothing('late.state', '500')
    nothing('inside.state', '39.1')
    expect(existsSync(join(dir, 'late.state'))).toBe(false)
    // the rest of the run stays
    expect(here('--stop-at', '500', '--save-state', 'late.state', '--out', 'kept', '--export-trace', 'sent.swt').status).toBe(2)
    expect(['kept/summary.json', 'sent.swt', 'late.state'].map((name) => existsSync(join(dir, name)))).toEqual([
      true,
      true,
      false,
    ])

    // the last one comes in the moment of the stop
    expect(here('--stop-at', '39', '--save-state', 'last.state').status).toBe(0)
    expect(JSON.parse(here('--warm-from', 'last.state').stdout).summary.requests.injected).toBe(1)

    expect(here('--stop-at', '20.1', '--save-state', 'early.state').status).toBe(0)
    expect(here('--warm-from', 'early.state', '--stop-at', '20.9')).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringMatching(
        /--warm-from early\.state {2}no request is sent from 20\.1 s on and before 20\.9 s, so none is/,
      ),
    })
    // it may lead to another state
    expect(here('--warm-from', 'early.state', '--stop-at', '20.9', '--save-state', 'next.state').status).toBe(0)
    expect(JSON.parse(here('--warm-from', 'next.state').stdout).summary.requests.injected).toBe(19)
  })

  it('divides what is measured at a time when nothing happens: rates count the idle time on both sides', () => {
    const dir = newFolder()
    const file = put(dir, 't.csv', 'arrival_s,input_tokens,output_tokens\n0,100,20\n200,200,20\n')
    const summaryOf = (...more: string[]) =>
      JSON.parse(shapewise(dir, 'run', file, '--quiet', '--format', 'json', ...more).stdout).summary
    const whole = summaryOf()
    const early = summaryOf('--stop-at', '100', '--save-state', 'idle')
    expect(early).toMatchObject({ window_s: 100, output_tok_s: 0.2, request_s: 0.01 })
    expect(summaryOf('--warm-from', 'idle').window_s).toBeCloseTo(whole.window_s - 100, 3)
    // all is over before
    expect(summaryOf('--stop-at', '500').window_s).toBe(whole.window_s)
  })

  it('taken up by another arm begins with the same caches', () => {
    const warm = JSON.parse(run('--warm-from', 'warm.state', '--arm', 'shape-aware').stdout).summary
    const same = JSON.parse(run('--warm-from', 'warm.state').stdout).summary
    expect(warm.requests.injected).toBe(same.requests.injected)
    expect(warm.metrics.tpot_ms.p50).not.toBe(same.metrics.tpot_ms.p50)
  })

  it('taken up by an arm of the command line goes on too', () => {
    shapewise(folder, 'policy', 'new', 'rank', 'mine.ts')
    const { stdout, stderr } = run('--warm-from', 'warm.state', '--arm', 'mine=rank:./mine.ts,split:k-waves(2)')
    expect(stderr).toBe('')
    expect(JSON.parse(stdout).load).toMatch(/going on from the state of static/)
  })

  it('of a policy whose memory has another length since is refused, and so is an arm that is asked at other times', () => {
    const text = readFileSync(join(folder, 'mine.ts'), 'utf8')
    const remembering = (length: number) =>
      put(folder, 'mine.ts', text.replace('// state: new Float64Array(16),', `state: new Float64Array(${length}),`))
    remembering(16)
    run('--arm', 'mine=rank:./mine.ts', '--stop-at', '30', '--save-state', 'mine.state')
    remembering(8)
    expect(run('--arm', 'mine=rank:./mine.ts', '--warm-from', 'mine.state')).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/my-rank remembers 8 numbers, and in it 16/),
    })
    const other = run('--warm-from', 'warm.state', '--arm', 'mine=rank:barrier(4)')
    expect([other.status, other.stderr]).toEqual([2, expect.stringMatching(/which is asked at other times \(place\) than/)])
  })

  describe('whose parts are not those of a state', () => {
    const dir = newFolder()
    const file = put(dir, 't.csv', `arrival_s,input_tokens,output_tokens\n${'0,100,20\n1,200,20\n2,200,20\n'}`)
    const here = (...more: string[]) => shapewise(dir, 'run', file, '--quiet', '--format', 'json', ...more)
    here('--stop-at', '1.5', '--save-state', 'fine.state')
    type Part = Record<string, unknown>
    const fine = () => decode(gunzipSync(readFileSync(join(dir, 'fine.state')))) as Part
    const within = (change: (snapshot: Part) => void) => (state: Part) => {
      const snapshot = decode(state.snapshot as Uint8Array) as Part
      change(snapshot)
      return { ...state, snapshot: encode(snapshot) }
    }
    const DAMAGED = /^--warm-from bad\.state {2}this is no saved state, or it is damaged\n {2}hint: /

    it.each<[string, (state: Part) => Part, RegExp?]>([
      ['nothing in the place of the snapshot', (state) => ({ ...state, snapshot: new Uint8Array(0) })],
      ['no part in the snapshot', (state) => ({ ...state, snapshot: encode({}) })],
      ['a column that is no column', within(({ state }) => Object.assign(state as Part, { clockNs: 'x' }))],
      ['a time before the beginning', (state) => ({ ...state, timeNs: -5 })],
      ['requests that the trace does not have', (state) => ({ ...state, left: new Uint8Array(Int32Array.of(0, 99).buffer) })],
      [
        'another version of the snapshot',
        within((snapshot) => Object.assign(snapshot, { version: 1 })),
        /^--warm-from bad\.state {2}its snapshot has version 1; this/,
      ],
    ])('%s', (_, change, says = DAMAGED) => {
      writeFileSync(join(dir, 'bad.state'), gzipSync(encode(change(fine()))))
      const { status, stdout, stderr } = here('--warm-from', 'bad.state')
      expect(stderr).toMatch(says)
      expect(stdout).toBe('')
      expect(status).toBe(2)
    })

    it('and the state itself is taken up', () => {
      writeFileSync(join(dir, 'same.state'), gzipSync(encode(within(() => {})(fine()))))
      expect(here('--warm-from', 'same.state')).toMatchObject({ status: 0, stderr: '' })
    })
  })

  it.each<[string, string[], RegExp]>([
    ['without a time', ['--save-state', 'x.state'], /--save-state {2}needs --stop-at/],
    ['over another file', ['--save-state', 'warm.state', '--stop-at', '5'], /--save-state warm\.state {2}exists already/],
    ['of another plan', ['--warm-from', 'warm.state', '--seed', '9'], /it is the state of another plan/],
    ['that is none', ['--warm-from', put(folder, 'none.state', 'none')], /this is no saved state, or it is damaged/],
    ['that is cut off', ['--warm-from', 'cut.state'], /this is no saved state, or it is damaged/],
    ['that is missing', ['--warm-from', 'gone.state'], /cannot be read \(ENOENT\)/],
    ['from which nothing is left', ['--warm-from', 'warm.state', '--stop-at', '60'], /nothing is measured before 60 s/],
    ['in a folder that is missing', ['--save-state', 'no/x.state', '--stop-at', '5'], /cannot write no\/x\.state/],
  ])('%s is refused', (_, more, says) => {
    writeFileSync(join(folder, 'cut.state'), readFileSync(join(folder, 'warm.state')).subarray(0, 500))
    const { status, stdout, stderr } = run(...more)
    expect(stderr).toMatch(says)
    expect(stdout).toBe('')
    expect(status).toBe(2)
  })
})

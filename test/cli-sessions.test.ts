/** Sessions on the command line: closed loops, replay of recorded ones, a run as a trace, and what is refused. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { decodeTrace, encodeTrace } from '../src/traces/shapewiseFormat.js'
import { shapesOnly, type Workload } from '../src/traces/workload.js'
import { newFolder, put, shapewise } from './cliRunner.js'

const SESSIONS = 12
const MANY = 60
const TURNS = 4
const WAIT_S = 30

/** Chains of four turns half a minute apart; `isRecorded`: with times of their own too. */
function chains(isRecorded: boolean, sessions = SESSIONS): Workload {
  const count = sessions * TURNS
  const turn = (i: number) => Math.floor(i / sessions)
  const isFirst = (i: number) => turn(i) === 0
  return {
    ...shapesOnly(
      Float64Array.from({ length: count }, (_, i) => (isRecorded ? i * 5e9 : isFirst(i) ? i * 1e9 : Number.NaN)),
      Int32Array.from({ length: count }, (_, i) => 500 * (1 + turn(i))),
      Int32Array.from({ length: count }, (_, i) => 20 + i),
      { name: 'chains', format: 'generated', note: 'Chains of turns.', rowsRead: count, rowsSkipped: 0 },
    ),
    session: Int32Array.from({ length: count }, (_, i) => i % sessions),
    parent: Int32Array.from({ length: count }, (_, i) => (isFirst(i) ? -1 : i - sessions)),
    waitNs: Float64Array.from({ length: count }, (_, i) => (isFirst(i) ? 0 : WAIT_S * 1e9)),
  }
}

const closedLoop = ['--set', 'workload.load.method=closed_loop', '--set', 'workload.load.concurrency=3'] as const

test('a closed loop of sessions, written as a trace and replayed, gives the same bytes', () => {
  const folder = newFolder()
  const file = put(folder, 'chains.swt', encodeTrace(chains(false)))
  const first = shapewise(folder, 'run', file, ...closedLoop, '--out', 'first', '--export-trace', 'sent.swt', '--format', 'json')
  expect(first.stderr).not.toContain('Error')
  const { load, summary } = JSON.parse(first.stdout)
  expect(load).toBe('3 sessions in flight, in the order of the trace')
  expect(summary.sessions).toMatchObject({ begun: SESSIONS, completed: SESSIONS, gave_up: 0, requests_not_sent: 0 })
  const { mean } = summary.sessions.duration_s
  expect(mean).toBeGreaterThan((TURNS - 1) * WAIT_S)
  const served = (TURNS * summary.metrics.e2e_ms.mean) / 1e3
  expect(mean).toBeCloseTo(served + (TURNS - 1) * WAIT_S, 3)
  expect(summary.sessions.waiting_share).toBeCloseTo(((TURNS - 1) * WAIT_S) / mean, 4)

  const replay = ['--set', 'workload.load.method=speed_up', '--set', 'workload.load.speed_up=1']
  const second = shapewise(folder, 'run', 'sent.swt', ...replay, '--out', 'second', '--format', 'json')
  expect(JSON.parse(second.stdout).summary).toEqual(summary)
  const rows = (name: string) => readFileSync(join(folder, name, 'requests.parquet'))
  expect(rows('second').equals(rows('first'))).toBe(true)
})

test('a run that was stopped is written as what was sent by then, which has the same times when it is stopped there again', () => {
  const folder = newFolder()
  const file = put(folder, 'chains.swt', encodeTrace(chains(false)))
  const stop = ['--stop-at', '130', '--format', 'json'] as const
  const first = shapewise(folder, 'run', file, ...closedLoop, ...stop, '--out', 'first', '--export-trace', 'sent.swt')
  const { injected } = JSON.parse(first.stdout).summary.requests
  expect(injected).toBeGreaterThan(SESSIONS)
  const missing = SESSIONS * TURNS - injected
  expect(first.stderr).toContain(
    `note: sent.swt holds the ${injected} requests that were sent by 130 s, and not the other ${missing}`,
  )
  const second = shapewise(folder, 'run', 'sent.swt', ...stop)
  expect(second.status).toBe(0)
  const { requests, metrics } = JSON.parse(first.stdout).summary
  expect(JSON.parse(second.stdout).summary).toMatchObject({ requests, metrics })

  // a stop that nothing is left for cuts nothing off
  const late = shapewise(folder, 'run', file, ...closedLoop, '--stop-at', '9999', '--export-trace', 'all.swt')
  expect(late.stderr).not.toContain('note: all.swt')
  expect(decodeTrace(readFileSync(join(folder, 'all.swt')), 'all.swt').count).toBe(SESSIONS * TURNS)
})

test('a run that was stopped before anything was sent is not written', () => {
  const folder = newFolder()
  const all = chains(false)
  const file = put(folder, 'later.swt', encodeTrace({ ...all, arrivalNs: all.arrivalNs.map((timeNs) => timeNs + 60e9) }))
  const { status, stderr } = shapewise(folder, 'run', file, '--stop-at', '5', '--export-trace', 'none.swt', '--format', 'json')
  expect(stderr).toContain('--export-trace none.swt  no request was sent by 5 s, so there is nothing to write')
  expect(status).toBe(2)
})

test('recorded sessions come at their times, or each turn after the answer before it', () => {
  const folder = newFolder()
  const file = put(folder, 'recorded.swt', encodeTrace(chains(true)))
  const run = (...sets: string[]) => JSON.parse(shapewise(folder, 'run', file, '--format', 'json', ...sets).stdout).summary
  expect(run().sessions).toMatchObject({ begun: SESSIONS, waiting_share: null })
  expect(run('--set', 'workload.load.sessions=closed').sessions.waiting_share).toBeGreaterThan(0.8)
})

test('whole sessions begin at random, at a rate of sessions', () => {
  const folder = newFolder()
  const rate = ['--set', 'workload.load.method=superpose', '--set', 'workload.load.rate_per_s=0.4'] as const
  const many = put(folder, 'many.swt', encodeTrace(chains(false, MANY)))
  const { load, drawn_rps, summary } = JSON.parse(shapewise(folder, 'run', many, ...rate, '--format', 'json').stdout)
  expect(load).toMatch(/^0\.4 sessions\/s \(this draw: 0\.\d+\); sessions, each up to \d+ times, of the second half of the trace/)
  const { begun, completed } = summary.sessions
  expect(completed).toBe(begun)
  expect(drawn_rps).toBeCloseTo(begun / summary.window_s, 5)
  // Poisson: within four deviations
  const expected = 0.4 * summary.window_s
  expect(Math.abs(begun - expected)).toBeLessThan(4 * Math.sqrt(expected))
  expect(summary.requests.injected / begun).toBeCloseTo(TURNS, 0)

  const few = put(folder, 'few.swt', encodeTrace(chains(false)))
  const refused = shapewise(folder, 'run', few, ...rate, '--format', 'json')
  expect(refused.stderr).toContain('of 12 sessions 6 and 6 lie there, and each half needs 20 or more')
  expect(refused.status).toBe(2)
})

test('the table says how sessions went, and who gave up', () => {
  const folder = newFolder()
  const file = put(folder, 'chains.swt', encodeTrace(chains(false)))
  const { stdout } = shapewise(folder, 'run', file, ...closedLoop, '--set', 'engines.0.max_model_len=1300', '--out', 'report')
  expect(stdout).toMatch(/sessions: 12 begun, 0 completed, 12 gave up \(\d+ requests not sent\)/)
  expect(stdout).toContain('no sessions.duration_s: no session that began in the window came to its end')
})

test.each([
  [['--set', 'workload.load.sessions=closed'], 'no request of the trace follows another one'],
  [[...closedLoop, '--set', 'workload.load.sessions=closed'], 'workload.load.sessions: has no effect with method closed_loop'],
  [['--export-trace', 'sent.csv'], 'a run is written as a .swt trace'],
  [['--export-trace', 'none/sent.swt'], '--export-trace  cannot write none/sent.swt'],
  [['--export-trace', 'there.swt'], '--export-trace there.swt  exists already'],
])('%s is refused', (options, message) => {
  const folder = newFolder()
  const file = put(folder, 'three.csv', 'arrival_s,input_tokens,output_tokens\n0,10,5\n1,20,5\n2,30,5\n')
  put(folder, 'there.swt', 'kept')
  const { status, stderr } = shapewise(folder, 'run', file, '--format', 'json', ...options)
  expect(stderr).toContain(message)
  expect(status).toBe(2)
  expect(readFileSync(join(folder, 'there.swt'), 'utf8')).toBe('kept')
})

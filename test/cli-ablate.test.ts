/** `ablate` on a small scenario: what it prints, what it keeps, and what it refuses before anything is simulated. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { newFolder, put, shapewise } from './cliRunner.js'

const dir = newFolder()
put(
  dir,
  'rows.csv',
  `arrival_s,input_tokens,output_tokens\n${Array.from({ length: 120 }, (_, i) => `${i * 0.5},${i % 9 === 0 ? 12000 : 200 + 10 * i},${8 + (i % 13)}`).join('\n')}`,
)
put(
  dir,
  's.yaml',
  `system: gb200
model: llama-3.1-70b
engines:
  - layout: TP4
    count: 2
    max_num_batched_tokens: 4096
workload:
  path: rows.csv
  load: {method: closed_loop, concurrency: 24}
arms:
  mine: {split: length-aware, chunk: fixed-budget(4096), pool: least-loaded}
  alike: {rank: least-requests, split: fixed-size(2048)}
  oracle-mine: {split: oracle-floor, chunk: fixed-budget(1024)}
experiment: {replicates: 4}
`,
)
put(
  dir,
  'ranks.yaml',
  `system: gb200
model: deepseek-r1
precision: nvfp4
engines:
  - {layout: DEP8, count: 1}
workload:
  path: rows.csv
  load: {method: closed_loop, concurrency: 24}
arms:
  spread: {span: fixed(2)}
  moving: {rank: 'least-cost(5000,migrate=0.1)', split: length-aware}
`,
)
const ablate = (...args: string[]) =>
  shapewise(dir, 'ablate', 's.yaml', '--effort', 'quick', '--threads', '1', '--quiet', ...args)

describe('ablate', () => {
  const ran = ablate('--from', 'static', '--to', 'mine', '--format', 'json')
  const printed = JSON.parse(ran.stdout || '{}')

  it('prints the documented keys and writes nothing', () => {
    expect(ran.stderr).toBe('')
    expect(ran.status).toBe(0)
    expect(Object.keys(printed)).toEqual([
      'version',
      'plan_hash',
      'trace_hash',
      'seed',
      'evidence',
      'system',
      'model',
      'precision',
      'engines',
      'gpus',
      'workload',
      'slo',
      'usd_per_gpu_hour',
      'gpu_watts',
      'from',
      'to',
      'levers',
      'same',
      'arms',
      'attributions',
      'oracles',
      'gaps',
      'load',
      'notes',
    ])
    expect(Object.keys(printed.attributions[0])).toEqual([
      'reading',
      'metric',
      'better',
      'n',
      'total',
      'levers',
      'interactions',
      'overlap',
      'note',
    ])
    expect(Object.keys(printed.attributions[0].levers[0])).toEqual(['lever', 'shapley', 'share', 'add_one', 'drop_one'])
    expect(Object.keys(printed.gaps[0])).toEqual([
      'reading',
      'metric',
      'oracle',
      'baseline',
      'arm',
      'oracle_ratio',
      'oracle_ci95',
      'gap_closed',
      'ci95',
      'n',
      'note',
    ])
    expect(existsSync(join(dir, 'runs'))).toBe(false)
  })

  it('runs all mixes of the levers that differ and have an effect, and the terms multiply to the total', () => {
    expect(printed).toMatchObject({ from: 'static', to: 'mine', levers: ['split', 'chunk', 'pool'], same: ['rank', 'span'] })
    expect(printed.arms).toHaveLength(8)
    expect(printed.arms.map(({ changed }: { changed: string[] }) => changed.length)).toEqual([0, 1, 1, 2, 1, 2, 2, 3])
    for (const { total, levers } of printed.attributions) {
      const product = levers.reduce((all: number, { shapley }: { shapley: { ratio: number } }) => all * shapley.ratio, 1)
      expect(product).toBeCloseTo(total.ratio, 4)
    }
    expect(new Set(printed.attributions.map(({ reading }: { reading: string }) => reading))).toEqual(
      new Set(['fixed_concurrency']),
    )
    expect(printed.oracles.map(({ name }: { name: string }) => name)).toEqual(['oracle-floor', 'oracle-mine'])
  })

  it('does not depend on the number of threads', () => {
    const again = shapewise(
      dir,
      ...['ablate', 's.yaml', '--effort', 'quick', '--threads', '2', '--quiet', '--from', 'static', '--to', 'mine'],
      ...['--format', 'json'],
    )
    expect(again.stdout).toBe(ran.stdout)
  })

  it('names a winner on the edge of what was tried', () => {
    const many = ['--set', 'workload.load.concurrency=48', '--set', 'engines.0.count=1', '--set', 'experiment.replicates=1']
    const { stdout } = ablate('--from', 'static', '--to', 'tuned-static', ...many, '--format', 'json')
    const { notes, arms } = JSON.parse(stdout)
    expect(notes).toContain(
      'tuned-static took fixed-budget(128), the smallest of the budgets tried (128 to 4096): a smaller one may be better still.',
    )
    const { again } = arms[arms.length - 1].tuning
    expect(again).toMatch(/^--arm "my-tuned-static=split:.*,chunk:fixed-budget\(128\)"$/)
    const ran = shapewise(dir, 'run', 's.yaml', '--quiet', '--format', 'json', '--arm', again.slice(7, -1))
    expect(ran.status).toBe(0)
    expect(arms[arms.length - 1].tuning.tried.chunk).toContain('fixed-budget(256)')
  })

  it('keeps a folder whose report can be made again; --levers leaves the others as they are', () => {
    const { status, stdout } = ablate('--from', 'static', '--to', 'mine', '--levers', 'split,span', '--out', 'kept')
    expect(status).toBe(0)
    expect(stdout).toContain('chunk, pool stay as in static')
    expect(stdout).toContain('Both arms have the same policy of span')
    expect(readdirSync(join(dir, 'kept')).sort()).toEqual([
      'ablation.full.json.gz',
      'config.resolved.yaml',
      'manifest.json',
      'report.html',
      'requests.parquet',
      'summary.json',
    ])
    expect(shapewise(dir, 'report', 'kept').status).toBe(0)
  })
})

it('run says which shape-aware it runs', () => {
  const run = (...args: string[]) => shapewise(dir, 'run', 's.yaml', '--format', 'json', ...args).stderr
  expect(run('--arm', 'shape-aware')).toContain(
    'shape-aware here is the shipped default (split length-aware, chunk fixed-budget(2048), rank least-cost(5000), span one, pool least-loaded); `compare` tunes its chunk and pool on the trace',
  )
  expect(run('--arm', 'mine')).not.toContain('shipped default')
  expect(run('--arm', 'ranked=rank:least-requests')).toContain(
    'ranked: rank least-requests has no effect here, since every engine has one rank.\n',
  )
})

describe('ablate refuses', () => {
  const CASES: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['an arm that does not exist', ['--to', 'mime'], /--to {2}there is no arm 'mime' here\n.*static, tuned-static, .*mine/],
    ['an oracle as an arm', ['--to', 'oracle-mine'], /--to {2}there is no arm 'oracle-mine' here/],
    ['the same arm twice', ['--from', 'mine', '--to', 'mine'], /--to {2}is the arm of --from, 'mine'/],
    [
      'arms that differ on inert levers alone',
      ['--from', 'static', '--to', 'alike', '--levers', 'chunk'],
      /--levers .*same policies of chunk/,
    ],
    ['a lever that does not exist', ['--levers', 'split,ranks'], /--levers {2}there is no lever 'ranks'\n.*rank/],
    ['a lever named twice', ['--levers', 'split,split'], /--levers {2}a lever is named twice/],
    ['a lever without effect here', ['--levers', 'rank'], /--levers {2}rank has no effect here: every engine has one rank/],
    [
      'capacities of a closed loop',
      ['--from', 'static', '--to', 'mine', '--capacity'],
      /--capacity {2}has no effect in a closed loop/,
    ],
  ]
  it.each(CASES)('%s', (_name, args, message) => {
    const { status, stdout, stderr } = ablate(...args)
    expect(stderr).toMatch(message)
    expect(stdout).toBe('')
    expect(status).toBe(2)
  })

  it.each([
    [
      ['--from', 'spread', '--to', 'moving'],
      /--to {2}a mix of spread and moving cannot be: span fixed\(2\) of spread .*, and rank .* of moving decides.*\n.*use --levers split,span, or a rank policy that/,
    ],
    [
      ['--from', 'spread', '--to', 'moving', '--levers', 'rank'],
      /--levers {2}a mix of spread and moving cannot be.*\n.*use a rank policy that places requests on arrival in moving/,
    ],
    [['--from', 'moving', '--to', 'spread'], /--to {2}a mix of moving and spread cannot be.*\n.*use --levers split,rank, or/],
  ])('mixes that spread contexts and move requests, before anything is simulated: %o', (args, message) => {
    const { status, stdout, stderr } = shapewise(dir, 'ablate', 'ranks.yaml', '--quiet', ...args)
    expect(stderr).toMatch(message)
    expect([stdout, status]).toEqual(['', 2])
  })

  it('an oracle that does not say so in its name, and a name that says so of none', () => {
    const named = (arm: string) => shapewise(dir, 'plan', 's.yaml', '--set', `arms={${arm}}`)
    const hidden = named('mine: {split: oracle-split}')
    expect(hidden.stderr).toMatch(/arms\.mine: oracle-split of split is an oracle.*\n.*oracle-mine/)
    expect(hidden.status).toBe(2)
    expect(named('oracle-none: {split: length-aware}').stderr).toMatch(/oracle-none: a name that begins with oracle-/)
    expect(named('oracle-floor: {split: oracle-floor}').stderr).toMatch(/this arm is built in/)
  })
})

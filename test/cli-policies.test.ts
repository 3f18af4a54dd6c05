/** Arms and policies of the user's on the command line: `--arm`, files in scenarios, `policy new`, and what a bad policy ends as. */
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { newFolder, put, shapewise } from './cliRunner.js'

const folder = newFolder()
put(
  folder,
  'cluster.yaml',
  `system: gb200
model: gpt-oss-120b
engines: [{ layout: DEP2, count: 2, max_num_seqs: 32 }]
workload: { path: trace.csv, load: { method: closed_loop, concurrency: 12 } }
experiment: { replicates: 2 }
`,
)
const rows = Array.from({ length: 240 }, (_, i) => `${i / 10},${100 + ((i * 7919) % 3000)},${5 + ((i * 31) % 40)}`)
const traceOf = (count: number) => `arrival_s,input_tokens,output_tokens\n${rows.slice(0, count).join('\n')}\n`
put(folder, 'trace.csv', traceOf(240))
put(folder, 'short.csv', traceOf(80))
for (const lever of ['split', 'chunk', 'rank', 'span', 'pool']) shapewise(folder, 'policy', 'new', lever, `${lever}.ts`)

/** The template of the rank lever with this sentence before its first. */
const damaged = (name: string, sentence: string): string =>
  put(folder, name, readFileSync(join(folder, 'rank.ts'), 'utf8').replace('let best = 0', `${sentence}\n      let best = 0`))
damaged('loops.ts', 'for (;;) {}')
damaged('throws.ts', "if (_request.inputTokens > 2000) throw new Error('too long for me')")

const run = (...args: string[]) => shapewise(folder, 'run', 'cluster.yaml', '--quiet', ...args)
/** A comparison runs many times over its trace. */
const compare = (...args: string[]) =>
  shapewise(folder, 'compare', 'cluster.yaml', '--set', 'workload.path=short.csv', '--effort', 'quick', '--quiet', ...args)
const json = (...args: string[]) => JSON.parse(run('--format', 'json', ...args).stdout)

describe('policy new', () => {
  test.each(['split', 'chunk', 'rank', 'span', 'pool'])(
    'writes a %s policy that runs as it is, in TypeScript and in JavaScript',
    (lever) => {
      expect(shapewise(folder, 'policy', 'new', lever, `${lever}.mjs`).stdout).toContain(`--arm mine=${lever}:./${lever}.mjs`)
      const [typed, plain] = [json('--arm', `mine=${lever}:./${lever}.ts`), json('--arm', `mine=${lever}:./${lever}.mjs`)]
      expect(typed.summary.requests.completed).toBe(240)
      expect(typed.summary).toEqual(plain.summary)
      expect(typed.arm.source_hash[lever]).toMatch(/^[0-9a-f]{12}$/)
      expect(typed.arm.source_hash[lever]).not.toBe(plain.arm.source_hash[lever])
      const written = readFileSync(join(folder, `${lever}.mjs`), 'utf8')
      expect(written).not.toMatch(/: (number|void) \{|import type|\n\n\n|, \}/)
      expect(written).toMatch(new RegExp(`^/\\*\\*\\n \\* A policy of the ${lever} lever.*`))
      expect(written).toContain(` *   shapewise check ./${lever}.mjs\n */\n`)
    },
  )

  test('does not write over a file, nor a file of another kind', () => {
    const before = readFileSync(join(folder, 'rank.ts'), 'utf8')
    expect(shapewise(folder, 'policy', 'new', 'pool', 'rank.ts')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('is not overwritten'),
    })
    expect(readFileSync(join(folder, 'rank.ts'), 'utf8')).toBe(before)
    expect(shapewise(folder, 'policy', 'new', 'pool', 'pool.py').status).toBe(2)
    expect(shapewise(folder, 'policy', 'new', 'pool', 'nowhere/pool.ts').status).toBe(2)
    expect(shapewise(folder, 'policy', 'new', 'pool', 'rank.ts/pool.ts')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('rank.ts/pool.ts  cannot be written: ENOTDIR'),
    })
    expect(shapewise(folder, 'policy', 'new', 'expert', 'expert.ts').status).toBe(2)
  })
})

describe('--arm NAME=LEVER:POLICY', () => {
  test('mixes shipped policies, with their arguments, and files', () => {
    const { arm } = json('--arm', 'mine=split:length-aware(b=0.5,o=2),pool:least-loaded,rank:./rank.ts')
    expect(arm.name).toBe('mine')
    expect(arm.policies).toMatchObject({ split: 'length-aware(b=0.5,o=2)', pool: 'least-loaded', rank: './rank.ts', span: 'one' })
    expect(Object.keys(arm.source_hash)).toEqual(['rank'])
  })

  test('decides as the same arm of a scenario does, whose paths are relative to its file', () => {
    mkdirSync(join(folder, 'deep'), { recursive: true })
    const text = readFileSync(join(folder, 'cluster.yaml'), 'utf8').replace('trace.csv', '../trace.csv')
    put(folder, 'deep/filed.yaml', `${text}arms: { filed: { rank: ../rank.ts } }\n`)
    const filed = shapewise(folder, 'run', 'deep/filed.yaml', '--quiet', '--format', 'json', '--arm', 'filed')
    expect(JSON.parse(filed.stdout).summary).toEqual(json('--arm', 'mine=rank:rank.ts').summary)
    expect(shapewise(folder, 'plan', 'deep/filed.yaml').stdout).toMatch(/filed \(rank .*rank\.ts sha256 [0-9a-f]{12}\)/)
  })

  test('the plan hash is of the text of a policy and not of its path', () => {
    put(folder, 'copy.ts', readFileSync(join(folder, 'rank.ts'), 'utf8'))
    put(folder, 'other.ts', `${readFileSync(join(folder, 'rank.ts'), 'utf8')}// another text\n`)
    const [here, there, other] = ['rank', 'copy', 'other'].map((name) => json('--arm', `mine=rank:./${name}.ts`).plan_hash)
    expect(there).toBe(here)
    expect(other).not.toBe(here)
  })

  test.each([
    ['mine=', /is not of the form LEVER:POLICY/],
    ['mine=rank', /'rank' is not of the form LEVER:POLICY/],
    ['mine=rnak:least-requests', /there is no lever 'rnak'/],
    ['mine=rank:least-requests,rank:round-robin', /names a policy for rank twice/],
    ['mine=rank:least-reqests', /there is no rank policy "least-reqests"/],
    ['mine=rank:./nowhere.ts', /\.\/nowhere\.ts: no such file/],
    ['mine=rank:./pool.ts', /info\.lever is "pool", and it is used as a rank policy/],
    ['static=rank:least-requests', /this arm is built in/],
    ['=rank:least-requests', /is not of the form NAME=LEVER:POLICY/],
    ['7=rank:least-requests', /the name of an arm/],
  ])('%s is refused with a sentence', (arm, message) => {
    const { status, stderr } = run('--arm', arm)
    expect(stderr).toMatch(message)
    expect(stderr).toContain('--arm')
    expect(status).toBe(2)
  })
})

describe('a policy that fails', () => {
  test.each([
    [
      'throws.ts',
      /\.\/throws\.ts {2}rank policy my-rank: place threw: too long for me \(\.\/throws\.ts:\d+:\d+\).*request \d+\]/,
    ],
    ['loops.ts', /policy \.\/loops\.ts did not answer within 2 s: place, decision 1/],
  ])('ends a run with a sentence and leaves nothing: %s', (name, message) => {
    const { status, stderr, stdout } = run('--arm', `bad=rank:./${name}`, '--out', 'results/mine')
    expect(stderr).toMatch(message)
    expect([status, stdout]).toEqual([2, ''])
    expect(existsSync(join(folder, 'results'))).toBe(false)
    expect(readdirSync(folder).filter((entry) => entry.startsWith('.'))).toEqual([])
  })

  test('ends with exit code 2 and its file, before the first event too', () => {
    const split = readFileSync(join(folder, 'split.ts'), 'utf8')
    put(folder, 'unpaid.ts', split.replace('planningPs: 2e6', 'planningPs: (n: number) => -n'))
    put(folder, 'endless.ts', split.replace('const share', 'for (;;) {}\n      const share'))
    const explained = (file: string) =>
      shapewise(folder, 'explain', 'cluster.yaml', '--batch', '4x500', '--arm', `bad=split:./${file}`)
    for (const { status, stderr } of [run('--arm', 'bad=split:./unpaid.ts'), explained('unpaid.ts')]) {
      expect(stderr).toMatch(/^\.\/unpaid\.ts {2}split policy my-split: planningPs returned -\d; picoseconds/)
      expect(status).toBe(2)
    }
    expect(explained('endless.ts')).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^arms\.bad\.split {2}policy \.\/endless\.ts did not answer within 5 s/),
    })
  })

  test.each([
    ['while it is loaded', 'const kept = []\nfor (;;) kept.push(new Array(10_000).fill(kept.length))\n'],
    [
      'while it makes a policy',
      'export default () => { const kept = []; for (;;) kept.push(new Array(10_000).fill(kept.length)) }\n',
    ],
  ])('that fills the memory %s does not take the command with it', (_, text) => {
    put(folder, 'hog.js', text)
    const { status, stderr } = run('--arm', 'bad=rank:./hog.js')
    expect(stderr).toMatch(/arms\.bad\.rank: \.\/hog\.js fills more than 256 MiB of memory/)
    expect(status).toBe(2)
    const check = shapewise(folder, 'check', 'hog.js')
    expect(check.stderr).toContain('hog.js  fills more than 256 MiB of memory')
    expect(check.status).toBe(2)
  })

  test.each([
    ['throws.ts', /arm bad \(closed, replicate \d\): .*place threw: too long for me/],
    ['loops.ts', /arms\.bad\.rank {2}policy loops\.ts did not answer within 2 s: place/],
  ])('ends a comparison likewise: %s', (name, message) => {
    const { status, stderr, stdout } = compare('--threads', '1', '--out', 'result', '--arm', `bad=rank:${name}`)
    expect(stderr).toMatch(message)
    expect([status, stdout]).toEqual([2, ''])
    expect(readdirSync(folder).filter((entry) => entry.startsWith('.') || entry === 'result')).toEqual([])
  })
})

test('compare: own arms beside the others, the same bytes on any number of threads', () => {
  const rank = readFileSync(join(folder, 'rank.ts'), 'utf8')
  const dice = rank
    .replace('makePolicy()', 'makePolicy(chance: (k: number) => number)')
    .replace('let best = 0', 'let best = Math.floor(chance(this.state![0]++) * view.count)')
  put(folder, 'dice.ts', dice.replace('    // state:', '    state: new Float64Array(1),\n    // state:'))
  const args = [
    '--format',
    'json',
    '--arm',
    'mine=rank:./rank.ts',
    '--arm',
    'calm=pool:least-loaded,rank:random',
    '--arm',
    'dice=rank:./dice.ts',
  ]
  const [one, two] = ['1', '2'].map((threads) => compare('--threads', threads, ...args).stdout)
  expect(two).toBe(one)
  const { arms } = JSON.parse(one) as { arms: { name: string; source_hash?: object }[] }
  expect(arms.map(({ name }) => name)).toEqual(['static', 'tuned-static', 'tuned-size', 'shape-aware', 'mine', 'calm', 'dice'])
  expect(arms.map(({ source_hash }) => source_hash !== undefined)).toEqual([false, false, false, false, true, false, true])
})

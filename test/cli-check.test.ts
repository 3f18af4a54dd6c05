/** `shapewise check`, and the kit as a user's tests import it: from vitest and from node:test. */
import { spawnSync } from 'node:child_process'
import { existsSync, lstatSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { MAIN, newFolder, put, shapewise } from './cliRunner.js'

const folder = newFolder()
shapewise(folder, 'policy', 'new', 'rank', 'fine.ts')
const fine = readFileSync(join(folder, 'fine.ts'), 'utf8')
put(
  folder,
  'long.ts',
  fine.replace('let best = 0', "if (_request.inputTokens > 40) throw new Error('too long')\n      let best = 0"),
)
put(folder, 'loops.ts', fine.replace('let best = 0', 'for (;;) {}\n      let best = 0'))
put(
  folder,
  'remembers.ts',
  fine.replace('return {', 'let turn = 0\n  return {').replace('let best = 0', 'return turn++ % view.count\n      let best = 0'),
)
put(folder, 'talks.ts', fine.replace('let best = 0', "console.log('a request of', _request.inputTokens)\n      let best = 0"))
put(
  folder,
  'hoards.ts',
  fine.replace('return {', 'const seen: object[] = []\n  return {').replace('let best = 0', 'seen.push({})\n      let best = 0'),
)
put(
  folder,
  'needs.ts',
  fine
    .replace('lever:', "needs: { severalRanks: 'wants several ranks' },\n      lever:")
    .replace(
      'let best = 0',
      "if (view.count === 1 || _request.inputTokens > 40) throw new Error('no place')\n      let best = 0",
    ),
)
const check = (...args: string[]) => shapewise(folder, 'check', ...args)

describe('check', () => {
  test('says that a policy has no fault', () => {
    expect(check('fine.ts', '--runs', '15')).toMatchObject({
      status: 0,
      stdout: 'fine.ts: no fault in 15 scenarios of seed 1 (lever rank)\n',
    })
    expect(check('least-requests', '--lever', 'rank', '--runs', '3').status).toBe(0)
  })

  test('writes the smallest scenario found; it can be checked again and run, and shows the same fault', () => {
    const found = check('long.ts', '--out', 'found')
    expect(found.status).toBe(1)
    expect(found.stdout).toMatch(/LAW-60 long\.ts {2}rank policy my-rank: place threw: too long \(long\.ts:\d+:\d+\)/)
    expect(found.stdout).toMatch(/smallest scenario found: [1-3] requests?\n/)
    expect(readFileSync(join(folder, 'found/trace.csv'), 'utf8')).toMatch(
      /^arrival_s,input_tokens,output_tokens\n(\d\.\d{3},\d+,\d+\n){1,3}$/,
    )
    const again = check('long.ts', '--scenario', 'found/scenario.yaml')
    expect([again.status, again.stdout]).toEqual([1, expect.stringContaining('place threw: too long')])
    const run = shapewise(folder, 'run', 'found/scenario.yaml', '--arm', 'checked', '--quiet', '--format', 'json')
    expect([run.status, run.stderr]).toEqual([2, expect.stringMatching(/place threw: too long .*request \d\]/)])
    expect(check('fine.ts', '--scenario', 'found/scenario.yaml').status).toBe(0)
    expect(check('long.ts', '--out', 'found')).toMatchObject({ status: 2, stderr: expect.stringContaining('is there already') })
  })

  test('what is found where a policy needs several ranks can be checked again', () => {
    expect(check('needs.ts', '--out', 'several').stdout).toMatch(/LAW-60 .*no place/)
    const again = check('needs.ts', '--scenario', 'several/scenario.yaml')
    expect([again.status, again.stdout]).toEqual([1, expect.stringContaining('no place')])
  })

  test('does not weigh what a policy prints', () => {
    const { status, stdout, stderr } = check('talks.ts', '--runs', '3')
    expect([status, stdout]).toEqual([0, expect.stringContaining('no fault in 3 scenarios')])
    expect(stderr).toContain('a request of')
    expect(stderr.length).toBeLessThan(100_000)
  })

  test('finds memory that grows again on the scenario that it wrote', () => {
    expect(check('hoards.ts', '--out', 'hoarded').stdout).toMatch(/LAW-62 place: memory/)
    const again = check('hoards.ts', '--scenario', 'hoarded/scenario.yaml')
    expect([again.status, again.stdout]).toEqual([1, expect.stringContaining('LAW-62 place: memory')])
  })

  test('finds what only twin runs show, as JSON too', () => {
    const { status, stdout } = check('remembers.ts', '--runs', '200', '--seed', '5', '--format', 'json')
    const { fault, lever } = JSON.parse(stdout)
    expect([status, lever]).toEqual([1, 'rank'])
    expect(fault.faults.join()).toMatch(/LAW-13/)
    expect(fault.requests).toBeLessThanOrEqual(10)
    expect(fault.files.map(({ name }: { name: string }) => name)).toEqual(['scenario.yaml', expect.stringMatching(/^trace\./)])
  })

  test('ends a policy that never answers', () => {
    const { status, stderr } = check('loops.ts', '--out', 'nothing')
    expect([status, stderr]).toEqual([2, expect.stringMatching(/policy loops\.ts did not answer within 2 s: place, decision 1/)])
    expect(existsSync(join(folder, 'nothing'))).toBe(false)
  })

  test('looks at the place before the search; a link to nothing stays', () => {
    symlinkSync('gone', join(folder, 'dangling'))
    for (const [out, says] of [
      ['dangling', /^--out dangling {2}is there already\n {2}hint: name a new folder/],
      ['dangling/x', /^--out dangling\/x {2}cannot be written: ENOENT/],
      ['fine.ts/x', /^--out fine\.ts\/x {2}cannot be written: a part of the path is a file, not a folder\n {2}hint: /],
    ] as const) {
      const { status, stdout, stderr } = check('fine.ts', '--runs', '3', '--out', out)
      expect(stderr).toMatch(says)
      expect([status, stdout]).toEqual([2, ''])
    }
    expect(lstatSync(join(folder, 'dangling')).isSymbolicLink()).toBe(true)
  })

  test('prints what it found where it cannot be written, and leaves nothing of it', () => {
    const before = readdirSync(folder)
    const command = `ulimit -f 0; "${process.execPath}" "${MAIN}" check long.ts --out late/found`
    const { status, stdout, stderr } = spawnSync('sh', ['-c', command], { cwd: folder, encoding: 'utf8' })
    expect(stdout).toMatch(/LAW-60 long\.ts .*too long[\s\S]*--- scenario\.yaml\n/)
    expect(stderr).toMatch(/^--out late\/found {2}cannot be written: EFBIG/)
    expect([status, readdirSync(folder)]).toEqual([2, before])
  })

  test.each([
    [['nowhere.ts'], /^nowhere\.ts {2}no such file\n/],
    [['nope', '--lever', 'pool'], /^nope {2}there is no pool policy "nope"/],
    [[put(folder, 'thaws.js', 'throw {}')], /^thaws\.js {2}fails while it is loaded: threw an object that has no text\n/],
    [
      [put(folder, 'waits.js', 'export default () => {}\nexport const f = async () => {}')],
      /^waits\.js {2}line 2 is async, and a policy decides at once\n/,
    ],
    [[put(folder, 'none.js', 'export const a = 1')], /^none\.js {2}has no function as its default export\n/],
    [['least-requests'], /is not the file of a policy/],
    [['fine.ts', '--lever', 'pool'], /info\.lever is "rank", and it is used as a pool policy/],
    [['fine.ts', '--runs', '0'], /expected a whole number from 1/],
    [['fine.ts', '--scenario', 'found/scenario.yaml', '--out', 'x'], /has no effect beside --scenario/],
    [['fine.ts', '--scenario', 'found/scenario.yaml', '--runs', '5'], /--runs 5 {2}has no effect beside --scenario/],
    [['fine.ts', '--scenario', 'missing.yaml'], /no such file/],
  ])('refuses %j with a sentence', (args, message) => {
    const { status, stderr } = check(...args)
    expect(stderr).toMatch(message)
    expect(status).toBe(2)
  })
})

test('node:test: checkPolicy passes and fails there as anywhere', () => {
  const kit = new URL('../dist/testing.js', import.meta.url).href
  put(
    folder,
    'kit.test.mjs',
    `import test from 'node:test'
import { checkPolicy } from '${kit}'
const info = { lever: 'rank', name: 'mine', shapeAware: false, hooks: ['place'], inputs: [], signalAge: 'now', complexity: 'O(1)', wins: 'w', loses: 'l', source: 's' }
test('keeps the laws', () => checkPolicy(() => ({ info, place: () => 0 }), { lever: 'rank', runs: 10 }))
test('breaks one', () => checkPolicy(() => ({ info, place: (view) => view.count }), { lever: 'rank', runs: 10 }))
`,
  )
  const { stdout } = spawnSync(process.execPath, ['--test', '--test-reporter=tap', 'kit.test.mjs'], {
    cwd: folder,
    encoding: 'utf8',
  })
  expect(stdout).toMatch(/^\s*ok 1 - keeps the laws/m)
  expect(stdout).toMatch(/^\s*not ok 2 - breaks one/m)
  expect(stdout).toMatch(/LAW-60 .*place returned/)
})

test('the templates type-check against the package', () => {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const files = ['split', 'chunk', 'rank', 'span', 'pool'].map((lever) => join(root, 'data/policies', `${lever}.ts`))
  put(
    folder,
    'tsconfig.json',
    JSON.stringify({
      compilerOptions: {
        module: 'nodenext',
        target: 'es2023',
        strict: true,
        noEmit: true,
        skipLibCheck: true,
        types: [],
        paths: { shapewise: [join(root, 'dist/index.d.ts')] },
      },
      files,
    }),
  )
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const { stdout, status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.json'], { cwd: folder, encoding: 'utf8' })
  expect([status, stdout]).toEqual([0, ''])
})

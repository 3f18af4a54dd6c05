/** The package as a user gets it: packed, installed into an empty folder, run, imported, type-checked. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { newFolder } from './cliRunner.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = newFolder()
const sh = (cwd: string, command: string, ...args: string[]): string =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
let files: string[] = []

beforeAll(() => {
  const [packed] = JSON.parse(sh(root, 'npm', 'pack', '--ignore-scripts', '--json', '--pack-destination', folder)) as {
    filename: string
    files: { path: string }[]
  }[]
  files = packed.files.map(({ path }) => path)
  writeFileSync(join(folder, 'package.json'), '{"name":"user","version":"1.0.0","type":"module","private":true}')
  sh(folder, 'npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', join(folder, packed.filename))
})

describe('the package', () => {
  it('carries all code, data, scenarios and traces, and the licence, and neither sources nor tests', () => {
    for (const name of [
      'dist/bin/shapewise.js',
      'dist/bin/LICENCES.txt',
      'dist/index.d.ts',
      'data/systems/gb200.json',
      'scenarios/demo.yaml',
      'LICENSE',
      'README.md',
      'docs/SCENARIO.md',
      'docs/VALIDATION.md',
    ])
      expect(files).toContain(name)
    const within = (folder: string) => readdirSync(join(root, folder), { recursive: true, encoding: 'utf8', withFileTypes: true })
    const paths = (folder: string) =>
      within(folder)
        .filter((entry) => entry.isFile())
        .map(({ parentPath, name }) => relative(root, join(parentPath, name)).replaceAll('\\', '/'))
    const modules = paths('src').map((path) => path.replace(/^src/, 'dist').replace(/\.ts$/, '.js'))
    const missing = [...modules, ...['data', 'scenarios', 'traces'].flatMap(paths)].filter((path) => !files.includes(path))
    expect(missing).toEqual([])
    expect(files.filter((path) => /^(src|test|bench|\.ci)\//.test(path))).toEqual([])
  })

  it('starts packed modules alone from the packed command, and carries the licences of what is packed', () => {
    const bin = join(root, 'dist/bin')
    const packed = (JSON.parse(readFileSync(join(bin, 'packed.json'), 'utf8')) as { files: string[] }).files
    const text = packed.map((name) => readFileSync(join(bin, name), 'utf8')).join('\n')
    // a path of a module that scripts/bundle.mjs does not name is moved to where the compiler wrote it
    expect([...text.matchAll(/new URL\([`'"](\.{1,2}\/[^`'"]*\.js)[`'"], new URL\(/g)].map(([, path]) => path)).toEqual([
      '../../experiments/claim/runCell.js',
    ])
    const started = [...text.matchAll(/new URL\([`'"]\.\/([^`'"]+\.js)[`'"], import\.meta\.url\)/g)].map(([, name]) => name)
    expect(started.length).toBeGreaterThanOrEqual(6)
    for (const name of started) expect(packed).toContain(name)
    const licences = readFileSync(join(bin, 'LICENCES.txt'), 'utf8')
    for (const name of ['zod', 'yargs', '@msgpack/msgpack', 'hyparquet', 'seedrandom'])
      expect(licences).toMatch(new RegExp(`^${name} \\d`, 'm'))
    for (const part of licences.split('-'.repeat(80))) expect(part).toMatch(/permi(ssion|tted)|licensed under/i)
  })

  it('answers --version and finds its data', () => {
    expect(sh(folder, 'npx', '--no-install', 'shapewise', '--version').trim()).toBe(
      JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version,
    )
    expect(sh(folder, 'npx', '--no-install', 'shapewise', 'plan', 'scenarios/demo.yaml')).toContain('tp4')
    writeFileSync(join(folder, 't.csv'), 'arrival_s,input_tokens,output_tokens\n0,100,10\n1,200,20\n')
    expect(
      JSON.parse(sh(folder, 'npx', '--no-install', 'shapewise', 'run', 't.csv', '--format', 'json')).summary.requests.completed,
    ).toBe(2)
  })

  it('compares and ablates as a library', () => {
    const source = `import { ablate, ablationJson, ablationTable, clusterConfig, compare, comparisonJson, evidenceOfPlan, loadScenario, readTrace } from 'shapewise'
const text = 'system: gb200\\nmodel: llama-3.1-70b\\nengines: [{layout: TP4, count: 1}]\\nworkload: {path: load.csv, load: {method: closed_loop, concurrency: 4}}\\nexperiment: {replicates: 1}\\narms: {mine: {split: length-aware}}'
const plan = loadScenario({ text, file: 's.yaml' })
const { workload } = await readTrace('load.csv')
const options = { plan, config: clusterConfig(plan), workload, evidence: evidenceOfPlan(plan), threads: 1, effort: 'quick' }
const compared = await compare(options)
const { result } = await ablate({ ...options, from: 'static', to: 'mine', levers: null, capacity: false })
console.log(JSON.parse(comparisonJson(compared.result)).evidence, JSON.parse(ablationJson(result)).levers.join(), ablationTable(result).length > 0)
`
    writeFileSync(join(folder, 'compare.js'), source)
    const rows = Array.from({ length: 80 }, (_, i) => `${i},${100 + 10 * (i % 7)},${5 + (i % 3)}`)
    writeFileSync(join(folder, 'load.csv'), `arrival_s,input_tokens,output_tokens\n${rows.join('\n')}\n`)
    expect(sh(folder, process.execPath, 'compare.js').trim()).toBe('interpolated split true')
  })

  it('thins a trace, writes it and sums up its sessions as a library', () => {
    const source = `import { clusterConfig, createArm, readTrace, sampled, scenarioFromDefaults, sessionShape, simulate, STATIC_ARM, summarise, writeWorkload } from 'shapewise'
const { workload } = await readTrace('turns.csv')
await writeWorkload('half.swt', sampled(workload, 0.5, 1), { to: 'shapewise' })
const half = (await readTrace('half.swt')).workload
const plan = scenarioFromDefaults({ workloadPath: 'half.swt' })
const config = clusterConfig(plan)
const window = { fromNs: 0, toNs: Infinity }
const result = simulate(config, createArm(STATIC_ARM), half, { load: { kind: 'open' } })
const { sessions } = summarise(result, config, { slo: plan.slo.interactive, window, sessions: sessionShape(half, false) })
console.log(half.count < workload.count, half.count / sessions.completed)
`
    writeFileSync(join(folder, 'thin.js'), source)
    const rows = Array.from({ length: 80 }, (_, i) => `${i},${100 + 10 * (i % 7)},${5 + (i % 3)},s${Math.floor(i / 2)}`)
    writeFileSync(join(folder, 'turns.csv'), `arrival_s,input_tokens,output_tokens,session_id\n${rows.join('\n')}\n`)
    expect(sh(folder, process.execPath, 'thin.js').trim()).toBe('true 2')
  })

  it('can be imported, and its types resolve, without those of Node too', () => {
    const source =
      "import { createArm, scenarioFromDefaults, STATIC_ARM, type Plan } from 'shapewise'\nimport { checkPolicy } from 'shapewise/testing'\nconst plan: Plan = scenarioFromDefaults({})\nconsole.log(plan.system, createArm(STATIC_ARM).name)\ncheckPolicy('least-requests', { lever: 'rank', runs: 2 })\n"
    writeFileSync(join(folder, 'user.ts'), source)
    sh(
      folder,
      process.execPath,
      join(root, 'node_modules/typescript/bin/tsc'),
      '--module',
      'nodenext',
      '--target',
      'es2023',
      '--strict',
      'user.ts',
    )
    expect(sh(folder, process.execPath, 'user.js').trim()).toBe('gb200 static')
  })
})

describe('the lock file', () => {
  it('names no registry host', () => {
    expect(readFileSync(join(root, 'package-lock.json'), 'utf8')).not.toMatch(/"resolved":/)
  })
})

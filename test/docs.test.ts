/** Every command of the pages for users runs, as it stands, in a copy of the project: what it leaves behind is no part of the project. The test run does not run within itself. */
import { spawnSync } from 'node:child_process'
import {
  accessSync,
  chmodSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import * as z from 'zod'
import { SYSTEM_NAMES } from '../src/hardware/load.js'
import { MODEL_NAMES } from '../src/models/load.js'
import { planJson } from '../src/scenario/describe.js'
import { loadScenario } from '../src/scenario/load.js'
import { AMOUNTS_OF, LOAD_METHODS } from '../src/scenario/loadKeys.js'
import { scenarioSchema } from '../src/scenario/schema.js'
import { resolvedYaml } from '../src/scenario/yaml.js'
import { newFolder } from './cliRunner.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const readme = readFileSync(`${root}/README.md`, 'utf8')
const reference = readFileSync(`${root}/docs/SCENARIO.md`, 'utf8')
const blocksOf = (page: string, language: string): string[] =>
  [...page.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, text]) => text)
/** Pages for users, each with its text; in this order their commands run. */
const PAGES = ['README.md', ...['POLICIES', 'EXPERIMENTS', 'ENGINES', 'TRACES', 'SCENARIO'].map((name) => `docs/${name}.md`)]
const commands = PAGES.flatMap((page) => blocksOf(readFileSync(`${root}/${page}`, 'utf8'), 'sh')).flatMap((block) =>
  block.trim().split('\n'),
)

/** Commands hand each other traces, recipes, policies and states, so they share it. */
const copy = newFolder()
const LEFT_OUT = ['.git', 'node_modules', 'runs']
for (const name of readdirSync(root))
  if (!LEFT_OUT.includes(name)) cpSync(join(root, name), join(copy, name), { recursive: true, preserveTimestamps: true })
// links to the packages, one by one: an installation in the copy could not reach those of the project
mkdirSync(join(copy, 'node_modules'))
for (const name of readdirSync(join(root, 'node_modules')))
  symlinkSync(join(root, 'node_modules', name), join(copy, 'node_modules', name))
// what is installed and compiled is as fresh as in the project (scripts/ensure.mjs)
const LOCK = join(copy, 'node_modules', '.package-lock.json')
rmSync(LOCK)
writeFileSync(LOCK, readFileSync(join(root, 'node_modules', '.package-lock.json')))
const now = new Date()
utimesSync(join(copy, 'dist', 'bin', 'packed.json'), now, now)

function run(command: string) {
  const [program, name, ...words] = command.split(' ')
  const isOurs = program === 'npx' && name === 'shapewise'
  const call = isOurs ? [process.execPath, join(copy, 'dist/bin/shapewise.js')] : [program, name]
  return spawnSync(call[0], [...call.slice(1), ...words], { cwd: copy, encoding: 'utf8' })
}

describe('the pages for users', () => {
  it('has commands', () => expect(commands.length).toBeGreaterThan(5))

  it('npx finds and may run the command of the checkout', () => {
    const { status, stdout, stderr } = spawnSync('npx', ['--no-install', 'shapewise', '--version'], {
      cwd: root,
      encoding: 'utf8',
    })
    expect(stderr).not.toMatch(/denied|not found/)
    expect(stdout.trim()).toMatch(/^\d+\.\d+\.\d+/)
    expect(status).toBe(0)
  })

  it('a packing makes the unpacked command executable too: an npx that linked the checkout when it was the entry runs it', () => {
    const main = join(copy, 'dist/cli/main.js')
    chmodSync(main, 0o644)
    const { status, stderr } = spawnSync(process.execPath, [join(copy, 'scripts/bundle.mjs')], { encoding: 'utf8' })
    expect([status, stderr]).toEqual([0, ''])
    accessSync(main, constants.X_OK)
  })

  it.each(commands.filter((command) => command !== 'npm test'))('%s', (command) => {
    const { status, stdout, stderr } = run(command)
    expect(stderr).not.toMatch(/internal error/)
    expect(stdout.length).toBeGreaterThan(0)
    expect(status).toBe(0)
  })
})

it('the sample of README is what the command prints', () => {
  const command = 'npx shapewise run test/fixtures/three-rows.csv'
  const shown = new RegExp(`${command}\\n\`\`\`\\n+\`\`\`\\n([\\s\\S]*?)\`\`\``).exec(readme)?.[1].trimEnd().split('\n') ?? []
  expect(shown.length).toBeGreaterThan(5)
  const printed = run(command).stdout.split('\n')
  expect(shown.filter((line) => line !== '…' && !printed.some((whole) => whole.startsWith(line)))).toEqual([])
})

it('the answer in README is that of docs/CLAIM.md, cell by cell', () => {
  const TRAFFIC = {
    'Azure conversations': 'azure-conv',
    'Azure code': 'azure-code',
    'Mooncake conversations': 'moon-conv',
    'Mooncake synthetic': 'moon-synthetic',
    reasoning: 'reasoning',
    agents: 'agentic',
  }
  const LAYOUTS = ['r1-dep32', 'r1-dep16', 'oss-tp4']
  const claim = readFileSync(`${root}/docs/CLAIM.md`, 'utf8')
  const [, primary] = /\n## Primary cells([\s\S]*?)\n## /.exec(claim) ?? []
  // ¹: tuned static is offered more than it carries; ²: undecided; ³: its queue grew
  const [, listed] = /At the offered load tuned-static is beyond what it carries .*?: (.*)/.exec(claim) ?? []
  const beyond = [...listed.matchAll(/primary\/(\S+) \d/g)].map(([, name]) => name)
  const found = primary.split('\n').flatMap((line) => {
    const [, name, gain, , , overSize, , , , , verdict] = line.split('|').map((cell) => cell.trim())
    if (!name?.includes('/')) return []
    const [percent, sizePercent] = [gain, overSize].map((text) => text.split(' ')[0])
    const shown = `${verdict === 'reproduced' ? `**${percent}**` : percent} (${sizePercent})`
    return [
      [
        name,
        `${shown}${beyond.includes(name) ? ' ¹' : ''}${verdict === 'undecided' ? ' ²' : ''}${gain.includes('†') ? ' ³' : ''}`,
      ],
    ]
  })
  expect(found).toHaveLength(18)
  const told = readme.split('\n').flatMap((line) => {
    const [, traffic, ...cells] = line.split('|').map((cell) => cell.trim())
    const name = TRAFFIC[traffic as keyof typeof TRAFFIC]
    return name === undefined ? [] : LAYOUTS.map((layout, at) => [`${name}/${layout}`, cells[at]])
  })
  expect(new Map(told as [string, string][])).toEqual(new Map(found as [string, string][]))
})

it('docs/VALIDATION.md says in short what its generated tables say', () => {
  const page = readFileSync(`${root}/docs/VALIDATION.md`, 'utf8')
  const lines = page.split('\n').map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
  const cells = (...starts: string[]): string[] =>
    lines.find((line) => starts.every((start, i) => line[i] === start))!.slice(starts.length)
  // after rows and shapes: error by row, by shape and its range, for each of the three metrics
  const held = (group: string, value: string, metric: number): string[] =>
    cells(group, value).slice(2 + 3 * metric, 4 + 3 * metric)
  expect(cells('a fifth of the configurations', 'TPOT, no speculation')).toEqual(held('speculation', 'non-speculative', 0))
  expect(cells('', 'TPOT, speculation')).toEqual(held('speculation', 'speculative', 0))
  expect(cells('', 'TTFT, unsaturated')).toEqual(held('load', 'unsaturated', 1))
  for (const load of ['unsaturated', 'saturated'])
    expect(cells('', `output tokens/s/GPU, ${load}`)).toEqual(held('load', load, 2))
  const [atSlots] = held('unsaturated, by slots', 'concurrency equals the decode slots', 1)
  const told = /equals the decode slots \((\d+) \/ (\d+):/.exec(page)?.slice(1)
  expect(told).toEqual(atSlots.split(' / ').map((value) => Number(value).toFixed(0)))
  const inSample = /In sample, .*?TPOT (.*) without and (.*) with speculation, TTFT (.*)\n/.exec(page)
  expect(inSample?.slice(1)).toEqual(cells('everything on').slice(0, 3))
})

describe('files named in the documents', () => {
  const all = readdirSync(`${root}/docs`, { recursive: true, encoding: 'utf8' }).map((name) => `docs/${name}`)
  it.each(['README.md', 'ARCHITECTURE.md', ...all.filter((name) => name.endsWith('.md'))])(
    '%s names only what exists',
    (page) => {
      const text = readFileSync(`${root}/${page}`, 'utf8')
      const named = [...text.matchAll(/`((?:docs|src|scenarios|scripts|test|bench|data)\/[\w./-]+)`/g)].map((match) => match[1])
      expect(named.filter((path) => !existsSync(`${root}/${path}`))).toEqual([])
    },
  )
})

it('ARCHITECTURE.md names only files that exist, each in the folder named last before it, and every folder of src', () => {
  const page = readFileSync(`${root}/ARCHITECTURE.md`, 'utf8')
  const missing = page.split('\n').flatMap((line) => {
    let folder = ''
    return [...line.matchAll(/`([\w./-]+)`/g)].flatMap(([, name]) => {
      if (/^(src|test|data|docs|scripts)\//.test(name)) folder = /\.\w+$/.test(name) ? dirname(name) : name
      else if (!line.startsWith('| ') || !name.endsWith('.ts') || existsSync(join(root, folder, name))) return []
      return existsSync(join(root, name)) ? [] : [`${folder}: ${name}`]
    })
  })
  expect(missing).toEqual([])
  const folders = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory())
  expect(folders.map(({ name }) => `src/${name}`).filter((name) => !page.includes(`\`${name}\``))).toEqual([])
})

it('every law is cited where docs/INVARIANTS.md says that it is checked, and no other law is cited anywhere', () => {
  const page = readFileSync(`${root}/docs/INVARIANTS.md`, 'utf8')
  const laws = page.split('\n').flatMap((line) => {
    const [, law, checked] = /^\| (LAW-\d+) [^|]*\|[^|]*\|([^|]*)\|/.exec(line) ?? []
    return law === undefined ? [] : [{ law, files: [...checked.matchAll(/[\w./-]+\.ts/g)].map(([name]) => name) }]
  })
  const citedBy = (name: string): string => {
    const found = ['src/testing', 'test', 'src'].map((folder) => join(root, folder, name)).filter((path) => existsSync(path))
    return found.map((path) => readFileSync(path, 'utf8')).join('')
  }
  const lacking = laws.flatMap(({ law, files }) =>
    files.length === 0
      ? [law]
      : files.filter((name) => !new RegExp(`${law}\\b`).test(citedBy(name))).map((name) => `${law} ${name}`),
  )
  expect(lacking).toEqual([])
  const known = new Set(laws.map(({ law }) => law))
  const sources = ['src', 'test'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(root, folder, name)),
  )
  const cited = sources
    .filter((path) => path.endsWith('.ts'))
    .flatMap((path) => readFileSync(path, 'utf8').match(/LAW-\d+/g) ?? [])
  expect(cited.length).toBeGreaterThan(50)
  expect(cited.filter((law) => !known.has(law))).toEqual([])
})

/** Of JSON Schema, as far as scenarios use it. */
interface Schema {
  readonly type?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly additionalProperties?: Schema | false
  readonly anyOf?: readonly Schema[]
  readonly enum?: readonly string[]
  readonly minimum?: number
  readonly exclusiveMinimum?: number
  readonly maximum?: number
}

/** Every key by its path, as in engines[].tp and arms.NAME.split. The kinds of a pair have the keys of an engine. */
function keysOf(schema: Schema, path = ''): [string, Schema][] {
  const { properties = {}, items, additionalProperties, anyOf = [] } = schema
  const within = [
    ...(items ? keysOf(items, `${path}[]`) : []),
    ...(additionalProperties ? keysOf(additionalProperties, `${path}.NAME`) : []),
    ...anyOf.flatMap((one) => keysOf(one, path)),
  ]
  const named = Object.entries(properties).flatMap(([key, held]): [string, Schema][] => {
    const at = path === '' ? key : `${path}.${key}`
    return /^engines\[\]\.(prefill|decode)$/.test(at) ? [[at, held]] : [[at, held], ...keysOf(held, at)]
  })
  return [...within, ...named]
}

/** What the page says of the values; null where it needs words. */
function valuesText({ type, enum: choices, minimum, exclusiveMinimum, maximum }: Schema): string | null {
  const number = (value = Number.NaN) => value.toLocaleString('en-US')
  if (choices) return choices.map((choice) => `\`${choice}\``).join(', ')
  if (type === 'boolean') return '`true`, `false`'
  if (exclusiveMinimum !== undefined) return `above ${number(exclusiveMinimum)} to ${number(maximum)}`
  return minimum === undefined ? null : `${number(minimum)} to ${number(maximum)}`
}

describe('docs/SCENARIO.md', () => {
  const keys = new Map(keysOf(z.toJSONSchema(scenarioSchema) as Schema))
  /** Rows of the tables of keys, one for each key; the heading of a section names where its keys stand. */
  const rows = reference.split(/^## /m).flatMap((section) => {
    const within = /^`([^`]+)`/.exec(section)?.[1]
    const table = section.split('| key | values | default | meaning |')[1]?.split('\n\n')[0] ?? ''
    const lines = table.split('\n').filter((line) => line.startsWith('| `'))
    return lines.flatMap((line) => {
      const [named, values, fallback] = line.slice(2).split(' | ')
      return [...named.matchAll(/`([^`]+)`/g)].map(([, key]) => ({
        key: within === undefined ? key : `${within}.${key}`,
        values,
        fallback,
      }))
    })
  })

  it('names every key of a scenario once, and no other', () => {
    // mappings whose keys have rows of their own
    const split = ['engines[].kv_offload', 'workload.read.columns', 'slo.interactive']
    expect(rows.map(({ key }) => key).sort()).toEqual([...keys.keys()].filter((key) => !split.includes(key)).sort())
  })

  it('gives the values that the schema allows', () => {
    const wrong = rows.filter(({ key, values }) => !values.startsWith(valuesText(keys.get(key) as Schema) ?? ''))
    expect(wrong).toEqual([])
    const of = (key: string) =>
      [...(rows.find((row) => row.key === key)?.values ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name)
    expect([of('system'), of('model')]).toEqual([[...SYSTEM_NAMES], [...MODEL_NAMES]])
  })

  it('gives the defaults that a plan has', () => {
    const plans = [
      { system: 'gb200', model: 'llama-3.1-70b', engines: [{ dp: 1 }], workload: { preset: 'uniform', isl: 9, osl: 9 } },
      {
        system: 'gb200',
        model: 'deepseek-r1',
        engines: [{ layout: '1p1d', prefill: { layout: 'DEP4' }, decode: { layout: 'DEP4', mtp: 3 } }],
        workload: { preset: 'chat' },
      },
    ].flatMap((scenario) => {
      const plan = loadScenario({ text: JSON.stringify(scenario), file: 'defaults.yaml' })
      return [parse(resolvedYaml(plan)), JSON.parse(planJson(plan))]
    })
    const valueAt = (key: string, plan: unknown): unknown =>
      key.split('.').reduce<unknown>((at, step) => {
        const held = (at as Record<string, unknown> | undefined)?.[step.replace('[]', '')]
        return step.endsWith('[]') ? (held as unknown[]).at(-1) : held
      }, plan)
    // what a plan holds for each kind of engine
    const from = (key: string) => (key === 'moe_path' ? 'engines[].moe_path' : key)
    const literal = rows.filter(({ fallback }) => /^`[^`]+`$/.test(fallback))
    expect(literal.length).toBeGreaterThan(20)
    for (const { key, fallback } of literal) {
      // what is off is left out of a plan
      const found = plans.map((plan) => valueAt(from(key), plan)).find((value) => value !== undefined) ?? false
      expect(`${key} \`${found}\``).toBe(`${key} ${fallback}`)
    }
    const required = rows.filter(({ fallback }) => fallback === 'required').map(({ key }) => key)
    expect(required).toEqual(['system', 'model', 'engines', 'workload'])
  })

  const whole = parse(blocksOf(reference, 'yaml')[0])
  it.each(blocksOf(reference, 'yaml'))('has examples that are scenarios, or parts of one: %s', (text) => {
    expect(() => loadScenario({ text: JSON.stringify({ ...whole, ...parse(text) }), file: 'example.yaml' })).not.toThrow()
  })

  it('has an example of every method and amount of the load', () => {
    const loads = [...reference.matchAll(/`(\{method: [^`]+\})`/g)].map(([, text]) => parse(text))
    for (const load of loads) {
      const scenario = { ...whole, workload: { ...whole.workload, load } }
      expect(() => loadScenario({ text: JSON.stringify(scenario), file: 'load.yaml' })).not.toThrow()
    }
    const shown = loads.map(({ method, ...amount }) => [method, ...Object.keys(amount)].join(' '))
    const all = LOAD_METHODS.flatMap((method) =>
      AMOUNTS_OF[method].length === 0 ? [method] : AMOUNTS_OF[method].map((amount) => `${method} ${amount}`),
    )
    expect(shown.sort()).toEqual(all.sort())
  })

  it('names in the words of serving stacks only what there is', () => {
    const table = reference.split('| here | vLLM')[1].split('\n\n')[0]
    const named = [...table.matchAll(/^\| `([^`]+)`/gm)].map(([, key]) => key)
    expect(named.length).toBeGreaterThan(8)
    expect(named.filter((key) => !keys.has(`engines[].${key}`))).toEqual([])
  })
})

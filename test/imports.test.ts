import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const src = fileURLToPath(new URL('../src', import.meta.url))

/** Leaves: everybody may import them, they import nothing of the project but each other. */
const LEAVES = ['units', 'errors', 'rng', 'collections', 'dataFile', 'textFile', 'wholeFile', 'suggest', 'yaml']
/** The pure core: no clock, no file, no terminal, no thread. */
const PURE = ['simulator', 'levers', 'metrics', 'collections', 'units', 'errors', 'rng', 'suggest']

/** What both the command line and the library call. */
const BELOW = ['scenario', 'timing', 'traces', 'levers', 'simulator', 'metrics', 'experiments', 'reports']

/** Folder (or file) of src -> what it may import at run time, besides leaves and itself. Data flows downwards in this table. */
const RUNTIME: Readonly<Record<string, readonly string[]>> = {
  hardware: [],
  models: [],
  timing: ['hardware', 'models'],
  levers: [],
  traces: [],
  scenario: ['hardware', 'models', 'timing', 'levers', 'policies', 'traces'],
  policies: ['levers'],
  simulator: ['timing', 'levers', 'metrics', 'traces'],
  metrics: [],
  experiments: ['simulator', 'levers', 'traces', 'metrics', 'executors', 'scenario'],
  executors: ['levers', 'policies', 'experiments'],
  testing: ['simulator', 'levers', 'policies', 'metrics', 'traces', 'scenario'],
  validation: ['executors', 'simulator', 'levers', 'traces', 'metrics', 'scenario', 'timing', 'models', 'hardware'],
  reports: ['metrics', 'experiments', 'scenario', 'validation', 'levers', 'timing'],
  cli: [...BELOW, 'hardware', 'models', 'policies', 'executors', 'validation', 'testing'],
  index: BELOW,
  types: [],
}

interface ImportLine {
  readonly file: string
  /** The imported file, as `file` is written. */
  readonly target: string
  readonly from: string
  readonly to: string
  readonly typeOnly: boolean
  /** Loaded where the line is reached: `await import(…)`. */
  readonly late: boolean
}

function filesOf(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name)
    return statSync(path).isDirectory() ? filesOf(path) : path.endsWith('.ts') ? [path] : []
  })
}

const moduleOf = (path: string): string =>
  relative(src, path)
    .split(sep)[0]
    .replace(/\.[jt]s$/, '')
const withoutComments = (text: string): string => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')

function importsOf(file: string): ImportLine[] {
  const text = withoutComments(readFileSync(file, 'utf8'))
  const lines: ImportLine[] = []
  for (const match of text.matchAll(
    /\b(import|export)\s+(type\s+)?([^'";]*?\bfrom\s+)?['"](\.[^'"]+)['"]|\bimport\(\s*['"](\.[^'"]+)['"]/g,
  )) {
    const target = resolve(dirname(file), match[4] ?? match[5])
    if (!target.startsWith(src)) continue
    const names = /\{([^}]*)\}/
      .exec(match[3] ?? '')?.[1]
      .split(',')
      .map((name) => name.trim())
      .filter(Boolean)
    const typeOnly =
      match[2] !== undefined || (names !== undefined && names.length > 0 && names.every((name) => name.startsWith('type ')))
    lines.push({
      file: relative(src, file),
      target: relative(src, target),
      from: moduleOf(file),
      to: moduleOf(target),
      typeOnly,
      late: match[5] !== undefined,
    })
  }
  return lines
}

const files = filesOf(src)
const imports = files.flatMap(importsOf)

describe('modules import only from upstream of them or from the leaves', () => {
  it('reads the import lines of every source file', () => {
    expect(files.length).toBeGreaterThan(20)
    expect(imports.length).toBeGreaterThan(files.length)
  })

  it('has a rule for every folder', () => {
    const known = new Set([...Object.keys(RUNTIME), ...LEAVES])
    expect([...new Set(files.map(moduleOf))].filter((name) => !known.has(name))).toEqual([])
  })

  it('follows the table at run time (types may be shared, they vanish)', () => {
    const broken = imports.filter(
      ({ from, to, typeOnly }) => !typeOnly && from !== to && !LEAVES.includes(to) && !(RUNTIME[from] ?? []).includes(to),
    )
    expect(broken.map(({ file, to }) => `${file} imports ${to}`)).toEqual([])
  })

  it('permits no more than is used', () => {
    const used = new Set(imports.filter(({ typeOnly }) => !typeOnly).map(({ from, to }) => `${from} -> ${to}`))
    const permitted = Object.entries(RUNTIME).flatMap(([from, targets]) => targets.map((to) => `${from} -> ${to}`))
    expect(permitted.filter((line) => !used.has(line))).toEqual([])
  })

  it('lets the leaves stand alone', () => {
    const broken = imports.filter(({ from, to }) => LEAVES.includes(from) && !LEAVES.includes(to))
    expect(broken.map(({ file, to }) => `${file} imports ${to}`)).toEqual([])
  })

  it('lets commands load their work when they are called: `--help` waits for none of it', () => {
    const commands = join('cli', 'commands')
    const isWork = (path: string): boolean =>
      path.split(sep).length > 2 && path.startsWith(`cli${sep}`) && !path.startsWith(commands)
    const broken = imports.filter(
      ({ file, target, typeOnly, late }) => file.startsWith(commands) && isWork(target) && !typeOnly && !late,
    )
    expect(broken.map(({ file, target }) => `${file} imports ${target}`)).toEqual([])
    expect(imports.some(({ file, target, late }) => file.startsWith(commands) && isWork(target) && late)).toBe(true)
  })

  it('keeps clocks, files, terminals and chance out of the core', () => {
    const forbidden = /\bDate\.now\b|\bnew Date\b|\bperformance\.now\b|\bMath\.random\b|\bprocess\.|\bconsole\.|from 'node:/
    const broken = files.filter(
      (file) => PURE.includes(moduleOf(file)) && forbidden.test(withoutComments(readFileSync(file, 'utf8'))),
    )
    expect(broken.map((file) => relative(src, file))).toEqual([])
  })
})

/** A tiny claim from traces to page: killed and gone on with, damaged, short of time. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { modulesOf } from '../src/cli/claim/codeHash.js'
import { type ClaimRequest, runClaim } from '../src/cli/claim/run.js'
import { runWithin } from '../src/cli/claim/schedule.js'
import { UserError } from '../src/errors.js'
import { type Cell, primaryCell } from '../src/experiments/claim/cell.js'
import { quickCells } from '../src/experiments/claim/cells.js'

const folder = () => mkdtempSync(join(tmpdir(), 'claim-'))
const tiny = (cell: Cell): Cell => ({
  ...cell,
  effort: 'tiny',
  replicates: 4,
  attribution: 0,
  tuned: ['tuned-static', 'shape-aware'],
  extra: ['occupancy-rule'],
  readings: ['fixedLoad'],
})
const CELLS: Cell[] = [
  tiny(primaryCell('azure-conv', 'oss-tp4')),
  tiny(primaryCell('moon-conv', 'oss-tp4')),
  tiny(quickCells().find(({ family }) => family === 'hypercube') as Cell),
]

const request = (out: string, more: Partial<ClaimRequest> = {}): ClaimRequest => ({
  quick: true,
  freeze: false,
  resume: false,
  budgetMin: null,
  traces: null,
  out,
  page: null,
  threads: 1,
  quiet: true,
  signal: new AbortController().signal,
  ...more,
})
const cellsOf = (out: string) => readdirSync(join(out, 'cells')).sort()
const bytesOf = (out: string) => [
  readFileSync(join(out, 'CLAIM.md'), 'utf8'),
  ...cellsOf(out).map((name) => name + readFileSync(join(out, 'cells', name), 'utf8')),
]

describe('a claim', () => {
  const whole = folder()
  const printed = vi.spyOn(process.stdout, 'write').mockImplementation(() => true)
  beforeAll(() => runClaim(request(whole), CELLS))
  afterAll(() => printed.mockRestore())

  test('LAW-44: ends with a page and a file for each cell; every arm was sent the same requests', () => {
    const [page, ...cells] = bytesOf(whole)
    expect(cells).toHaveLength(CELLS.length)
    expect(page).toContain('azure-conv/oss-tp4')
    expect(page).toContain('all arms were sent the same draws of traffic, and as many requests in each window')
    expect(page).toContain('not evidence')
  })

  test('LAW-45: that was interrupted and gone on with has the same bytes', async () => {
    const out = folder()
    const control = new AbortController()
    const watch = setInterval(() => {
      if (existsSync(join(out, 'cells')) && cellsOf(out).length > 0) control.abort(new Error('interrupted'))
    }, 5)
    await expect(runClaim(request(out, { signal: control.signal }), CELLS)).rejects.toThrow(/interrupted/)
    clearInterval(watch)
    const before = cellsOf(out)
    expect(before.length).toBeGreaterThan(0)
    expect(before.length).toBeLessThan(CELLS.length)
    await expect(runClaim(request(out), CELLS)).rejects.toThrow(/--resume/)
    await runClaim(request(out, { resume: true }), CELLS)
    expect(bytesOf(out)).toEqual(bytesOf(whole))
  })

  test('goes on when a cell fails, names it on the page, and ends with its error', async () => {
    const out = folder()
    const broken: Cell = { ...CELLS[0], id: 'primary/broken', tuned: ['shape-aware'], extra: ['placebo'] }
    await expect(runClaim(request(out), [broken, CELLS[0]])).rejects.toThrow(/cell primary\/broken/)
    const [page, ...cells] = bytesOf(out)
    expect(cells).toHaveLength(1)
    expect(page).toMatch(/\*\*primary\/broken failed\*\*/)
  })

  test('goes on only where there is something to go on with', async () => {
    const out = join(folder(), 'out')
    await expect(runClaim(request(out, { resume: true }), CELLS.slice(0, 1))).rejects.toThrow(
      /out {2}holds no finished cells to go on with\n {2}hint: name the --out of the run that was stopped, or leave --resume out/,
    )
    expect(existsSync(out)).toBe(false)
  })

  test('whose page cannot be written ends before the work, not after it', async () => {
    const out = join(folder(), 'out')
    const file = join(folder(), 'file')
    writeFileSync(file, 'x')
    for (const page of [folder(), join(file, 'CLAIM.md')]) {
      const failure = await runClaim(request(out, { page }), CELLS.slice(0, 1)).catch((error) => error)
      expect(failure).toBeInstanceOf(UserError)
      expect(failure.message).toContain(page)
      expect(failure.message).toContain('--page')
      expect(existsSync(out)).toBe(false)
    }
  })

  test.skipIf(!existsSync('/proc/self/task'))('whose folder takes no files ends before the work, for root too', async () => {
    const out = folder()
    symlinkSync('/proc/self/task', join(out, 'cells'))
    const kept = await runClaim(request(out, { resume: true }), CELLS.slice(0, 1)).catch((error) => error)
    expect(kept).toBeInstanceOf(UserError)
    expect(kept.message).toMatch(/cells {2}.*write here.*\n.*--out/)
    expect(existsSync(join(out, 'CLAIM.md'))).toBe(false)
    const page = '/proc/self/task/CLAIM.md'
    const lost = await runClaim(request(folder(), { page }), CELLS.slice(0, 1)).catch((error) => error)
    expect(lost.message).toMatch(/write here.*\n.*--page/)
    await expect(runClaim(request('/proc/no/such/folder'), CELLS.slice(0, 1))).rejects.toThrow(/cannot be made/)
  })

  test('whose folder takes no more cells ends at the first that is lost, and is not taken for a failure of the cell', async () => {
    const out = folder()
    mkdirSync(join(out, 'cells'))
    const watch = setInterval(() => {
      if (cellsOf(out).length === 0) return
      clearInterval(watch)
      rmSync(join(out, 'cells'), { recursive: true })
      writeFileSync(join(out, 'cells'), '')
    }, 2)
    const failure = await runClaim(request(out), CELLS).catch((error) => error)
    expect(failure).toBeInstanceOf(UserError)
    expect(failure.message).toMatch(/a part of the path is a file.*\n.*--out/)
    expect(existsSync(join(out, 'CLAIM.md'))).toBe(false)
  })

  test('LAW-45: with a damaged cell is refused by the name of the file', async () => {
    const out = folder()
    cpSync(whole, out, { recursive: true })
    const path = join(out, 'cells', cellsOf(out)[0])
    const text = readFileSync(path, 'utf8')
    const again = (damaged: string) => {
      writeFileSync(path, damaged)
      return runClaim(request(out, { resume: true }), CELLS)
    }
    for (const damaged of [
      '',
      '{',
      text.slice(0, -20),
      text.replace(/\d(?=\d*\.\d+,)/, '7'),
      text.replace(/"key": "./, '"key": "x'),
    ]) {
      if (damaged === text) continue
      const failure = await again(damaged).catch((error) => error)
      expect(failure).toBeInstanceOf(UserError)
      expect(failure.message).toContain(cellsOf(out)[0])
    }
  })
})

describe('the schedule', () => {
  const clock = () => {
    let nowS = 0
    const pass = (s: number): void => {
      nowS += s
    }
    return { nowS: () => nowS, pass }
  }
  test('runs in order, leaves out what does not fit at the measured pace, and tries what is cheaper', async () => {
    const time = clock()
    const run: number[] = []
    const dropped = await runWithin({
      items: [4, 4, 9, 2, 1],
      threads: 1,
      cost: (item) => item,
      budgetS: 11,
      nowS: time.nowS,
      run: async (item) => {
        run.push(item)
        time.pass(item)
      },
    })
    expect(run).toEqual([4, 4, 2, 1])
    expect(dropped).toEqual([9])
  })
  test('begins nothing after a failure, and tells the rest of the time', async () => {
    const time = clock()
    const told: [number, number | null][] = []
    const run = vi.fn(async (item: number) => {
      if (item === 3) throw new Error('three')
      time.pass(2)
    })
    const options = { items: [1, 2, 3, 4], threads: 1, cost: () => 1, budgetS: null, nowS: time.nowS, run }
    await expect(runWithin({ ...options, onDone: (item, { restS }) => told.push([item, restS]) })).rejects.toThrow('three')
    expect(run).toHaveBeenCalledTimes(3)
    expect(told).toEqual([
      [1, 6],
      [2, 4],
    ])
  })
})

describe('the code that a finished cell was answered by', () => {
  // sources, or what was compiled of them
  const files = modulesOf().map((file) => file.replaceAll('\\', '/').replace(/\.[jt]s$/, ''))
  const holds = (name: string) => files.some((file) => file.endsWith(name))
  test.each(['simulator/core', 'levers/split/lengthAware', 'timing/stepTimer', 'claim/cluster', 'traces/load', '/rng'])(
    '%s counts',
    (name) => expect(holds(name)).toBe(true),
  )
  test.each(['claim/verdict', 'claim/cells', 'claim/markdown', 'cli/claim/run'])(
    '%s does not: it judges, draws or begins',
    (name) => expect(holds(name)).toBe(false),
  )
  test('of a module with imports of every form, all that run are followed', () => {
    const at = folder()
    writeFileSync(
      join(at, 'a.js'),
      "import { type B, b } from './b.js'\nexport {\n  c,\n} from './c.js'\nimport './d.js'\nimport type { E } from './e.js'\n",
    )
    for (const name of ['b', 'c', 'd']) writeFileSync(join(at, `${name}.js`), "import fs from 'node:fs'\n")
    const names = modulesOf(pathToFileURL(join(at, 'a.js'))).map((file) => basename(file))
    expect(names).toEqual(['a.js', 'b.js', 'c.js', 'd.js'])
  })
})

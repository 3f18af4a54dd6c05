import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { parquetMetadata, parquetReadObjects } from 'hyparquet'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { runExperiment } from '../src/cli/experiment/experimentInput.js'
import { demandDistinct, demandWritable, writeOutput } from '../src/cli/outputFile.js'
import { UserError } from '../src/errors.js'
import { FATES, PHASES } from '../src/metrics/records.js'
import { makeFolders, writeAtomically } from '../src/reports/folder.js'
import { recordsToParquet } from '../src/reports/parquet.js'
import { createRunFolder, openResultFolder, openRunFolder, regenerateReport } from '../src/reports/runFolder.js'
import { ablationFixture } from './fixtures/ablation.js'
import { comparisonFixture, identityFixture, planFixture, recordsFixture } from './fixtures/comparison.js'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'shapewise-runs-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const facts = { version: '0.1.0', seed: 1, plan_hash: 'a1b2c3d4e5f6', trace_hash: 'feed', wall_s: 1.5 }
const hash = facts.plan_hash

describe('places of outputs', () => {
  const outputs = (...paths: string[]) => demandDistinct(paths.map((path) => ({ flag: null, path })))
  it('are the same through links of either kind, to files and to folders, whether they are there yet or not', () => {
    const at = (name: string) => join(root, name)
    writeFileSync(at('file'), '')
    symlinkSync('file', at('soft'))
    linkSync(at('file'), at('hard'))
    mkdirSync(at('folder'))
    symlinkSync('folder', at('other'))
    writeFileSync(at('own'), '')
    for (const name of ['soft', 'hard']) {
      expect(() => outputs(at('file'), at(name))).toThrow(/would be written to the same place as/)
      expect(() => demandWritable('--html', at('file'), [at(name)])).toThrow(/the command reads it/)
    }
    expect(() => outputs(at('folder/new'), at('other/new'))).toThrow(/would be written to the same place as/)
    expect(() => outputs(at('other'), at('folder/new'))).toThrow(/would be written to the same place as/)
    symlinkSync('later', at('dangling'))
    expect(() => outputs(at('later'), at('dangling'))).toThrow(/would be written to the same place as/)
    expect(() => outputs(at('file'), at('own'), at('folder/new'), at('new'))).not.toThrow()
    expect(() => demandWritable('--html', at('file'), [at('own'), at('folder'), at('missing'), null])).not.toThrow()
  })
  it('leave nothing where a file cannot take their place', () => {
    mkdirSync(join(root, 'page'))
    expect(() => writeAtomically(join(root, 'page'), 'text')).toThrow(/it is a folder/)
    expect(readdirSync(root)).toEqual(['page'])
  })
  it('are no pipes and no devices, through links either', () => {
    spawnSync('mkfifo', [join(root, 'pipe')])
    // where that is not permitted the name stays free
    const isDevice = spawnSync('mknod', [join(root, 'null'), 'c', '1', '3']).status === 0
    symlinkSync('pipe', join(root, 'link'))
    for (const name of ['pipe', 'link', ...(isDevice ? ['null'] : [])]) {
      const path = join(root, name)
      const says = /it is a device or a pipe, not a file\n {2}hint: /
      expect(() => demandWritable('--html', path, [])).toThrow(says)
      expect(() => writeOutput('--html', path, 'text')).toThrow(says)
      expect(() => writeAtomically(path, 'text')).toThrow(says)
      expect(lstatSync(path).isFile()).toBe(false)
    }
  })
  it.each<[string, (path: string) => void]>([
    ['writeOutput', (path) => writeOutput('--html', path, 'new')],
    ['writeAtomically', (path) => writeAtomically(path, 'new')],
  ])('are replaced through links and keep their mode (%s)', (_, write) => {
    const file = join(root, 'file')
    writeFileSync(file, 'old')
    chmodSync(file, 0o606)
    symlinkSync('file', join(root, 'link'))
    symlinkSync('later', join(root, 'dangling'))
    for (const name of ['link', 'dangling']) {
      demandWritable('--html', join(root, name), [])
      write(join(root, name))
      expect(lstatSync(join(root, name)).isSymbolicLink()).toBe(true)
    }
    expect(['file', 'later'].map((name) => readFileSync(join(root, name), 'utf8'))).toEqual(['new', 'new'])
    expect(statSync(file).mode & 0o777).toBe(0o606)
    expect(readdirSync(root).length).toBe(4)
  })
  it('below a file are refused before the work', () => {
    writeFileSync(join(root, 'file'), '')
    expect(() => demandWritable('--html', join(root, 'file/page.html'), [])).toThrow(/a part of the path is a file/)
  })
  it('get the folders that are missing, and say which was the first', () => {
    expect(makeFolders(join(root, 'a/b/c'))).toBe(join(root, 'a'))
    expect(makeFolders(join(root, 'a/b/c'))).toBeUndefined()
    writeFileSync(join(root, 'file'), '')
    for (const below of ['file', 'file/b', 'file/b/c']) expect(() => makeFolders(join(root, below))).toThrow(/EEXIST|ENOTDIR/)
  })
  it.skipIf(!existsSync('/proc/self'))('are refused where no folder can be made (mkdir of Node never came back)', () => {
    expect(() => createRunFolder({ out: '/proc/no/such/folder', hash })).toThrow(UserError)
  })
})

describe('createRunFolder', () => {
  it('names the folder by time and plan, and lists its files', () => {
    const folder = createRunFolder({ root, hash, startedAt: new Date('2026-11-24T18:03:42.9Z') })
    folder.write('summary.json', '{}')
    expect(readdirSync(root)).toEqual([`.20261124T180342Z-a1b2c3.${process.pid}.partial`])
    const path = folder.finish(facts)
    expect(readdirSync(root)).toEqual(['20261124T180342Z-a1b2c3'])
    const manifest = JSON.parse(readFileSync(join(path, 'manifest.json'), 'utf8'))
    expect(manifest).toMatchObject({ ...facts, node: process.version, files: [{ name: 'summary.json', bytes: 2 }] })
  })
  it('two runs of one plan that begin in the same second have folders of their own', () => {
    const begin = () => createRunFolder({ root, hash, startedAt: new Date(0) })
    const [first, second] = [begin(), begin()]
    first.finish(facts)
    second.finish(facts)
    begin().finish(facts)
    const name = '19700101T000000Z-a1b2c3'
    expect(readdirSync(root).sort()).toEqual([name, `${name}-2`, `${name}-3`])
  })
  it('refuses a folder that another process is filling, and takes the place of one whose process is gone', () => {
    const out = join(root, 'mine')
    const partial = (pid: number) => join(root, `.mine.${pid}.partial`)
    // the process that started this one is alive
    mkdirSync(partial(process.ppid))
    expect(() => createRunFolder({ out, hash })).toThrow(/another run is filling this folder/)
    rmSync(partial(process.ppid), { recursive: true })
    const gone = spawnSync(process.execPath, ['-e', '']).pid
    mkdirSync(partial(gone))
    createRunFolder({ out, hash }).finish(facts)
    expect(readdirSync(root)).toEqual(['mine'])
  })
  it('leaves nothing behind when abandoned', () => {
    const folder = createRunFolder({ root, hash })
    folder.write('summary.json', '{}')
    folder.abandon()
    expect(readdirSync(root)).toEqual([])
  })
  it('fills the folder that a link leads to, and leaves the link', () => {
    const out = join(root, 'latest')
    // not there yet
    symlinkSync('kept', out)
    for (const name of ['a.txt', 'b.txt']) {
      const folder = createRunFolder({ out, hash, overwrite: true })
      folder.write(name, 'x')
      folder.finish(facts)
      expect(readdirSync(join(root, 'kept')).sort()).toEqual([name, 'manifest.json'])
    }
    expect(lstatSync(out).isSymbolicLink()).toBe(true)
    expect(() => createRunFolder({ out, hash })).toThrow(/exists already/)
    rmSync(out)
    rmSync(join(root, 'kept'), { recursive: true })
    symlinkSync('latest', out)
    expect(() => createRunFolder({ out, hash })).toThrow(/links lead in a circle/)
    rmSync(out)
  })
  it('refuses an existing folder unless told, and replaces only run folders', () => {
    const out = join(root, 'mine')
    const first = createRunFolder({ out, hash })
    first.write('old.txt', 'x')
    first.finish(facts)
    expect(() => createRunFolder({ out, hash })).toThrow(UserError)
    const second = createRunFolder({ out, hash, overwrite: true })
    second.write('new.txt', 'y')
    expect(existsSync(join(out, 'old.txt'))).toBe(true)
    second.finish(facts)
    expect(readdirSync(out).sort()).toEqual(['manifest.json', 'new.txt'])
    expect(readdirSync(root)).toEqual(['mine'])
    mkdirSync(join(root, 'home'))
    writeFileSync(join(root, 'home', 'thesis.txt'), 'dear')
    expect(() => createRunFolder({ out: join(root, 'home'), hash, overwrite: true })).toThrow(/no run folder/)
  })
  it.each([
    ['of another program', '{"manifest_version": 3, "name": "extension"}', /no run folder/],
    ['without a list', '{"plan_hash": "a1b2c3d4e5f6"}', /no run folder/],
    ['that is no JSON', 'CACHE MANIFEST', /no run folder/],
    ['that does not list what is there', '{"plan_hash": "a1b2c3d4e5f6", "files": [{"name": "report.html"}]}', /thesis\.txt/],
  ])('does not replace a folder with a manifest.json %s', (_, manifest, message) => {
    writeFileSync(join(root, 'manifest.json'), manifest)
    writeFileSync(join(root, 'thesis.txt'), 'dear')
    expect(() => createRunFolder({ out: root, hash, overwrite: true })).toThrow(message)
    expect(readFileSync(join(root, 'thesis.txt'), 'utf8')).toBe('dear')
  })
  it('does not replace what has come into its place since it was opened', () => {
    const out = join(root, 'mine')
    const folder = createRunFolder({ out, hash })
    mkdirSync(out)
    writeFileSync(join(out, 'thesis.txt'), 'dear')
    expect(() => folder.finish(facts)).toThrow(/exists already/)
    folder.abandon()
    expect(readdirSync(root)).toEqual(['mine'])
  })
  it('takes away the folders that it made, when abandoned', () => {
    createRunFolder({ root: join(root, 'a', 'b'), hash }).abandon()
    expect(readdirSync(root)).toEqual([])
  })
  it('says why it cannot write', () => {
    writeFileSync(join(root, 'file'), '')
    expect(() => createRunFolder({ out: join(root, 'file', 'run'), hash })).toThrow(UserError)
    expect(() => createRunFolder({ out: join(root, 'file'), hash })).toThrow(/in the way/)
  })
  it('takes plain file names only', () => {
    expect(() => createRunFolder({ root, hash }).write('../x', '')).toThrow(/plain file name/)
  })
})

describe('a comparison folder', () => {
  const options = () => ({ root, hash, resolvedYaml: 'system: gb200\n' })
  const files = () => ({ summaryJson: '{}\n', plan: planFixture(), wallS: 2 })
  it('makes its report again byte for byte', () => {
    const path = openResultFolder(options()).finish(files(), { kind: 'comparison', result: comparisonFixture() }, [
      { arm: 'static', records: recordsFixture(100) },
    ])
    expect(readdirSync(path).sort()).toEqual([
      'comparison.full.json.gz',
      'config.resolved.yaml',
      'manifest.json',
      'report.html',
      'requests.parquet',
      'summary.json',
    ])
    const report = readFileSync(join(path, 'report.html'))
    rmSync(join(path, 'report.html'))
    expect(readFileSync(regenerateReport(path)).equals(report)).toBe(true)
  })
  it('does so for an ablation', () => {
    const result = ablationFixture(comparisonFixture())
    const path = openResultFolder(options()).finish(files(), { kind: 'ablation', result }, [])
    expect(readdirSync(path)).toContain('ablation.full.json.gz')
    const report = readFileSync(join(path, 'report.html'))
    expect(readFileSync(regenerateReport(path)).equals(report)).toBe(true)
  })
  it('does so for a run of one arm', () => {
    const { arms, pictures } = comparisonFixture()
    const report = {
      meta: { ...identityFixture(), arm: { name: 'static', ...arms[0].policies } },
      picture: pictures.arms[0],
      notes: [],
    }
    const folder = openRunFolder(options(), true)
    for (const count of [10, 0, 7]) folder.addRequests(recordsFixture(count))
    const path = folder.finish(files(), report)
    folder.abandon()
    expect(parquetMetadata(new Uint8Array(readFileSync(join(path, 'requests.parquet'))).buffer).num_rows).toBe(17n)
    const html = readFileSync(join(path, 'report.html'))
    expect(readFileSync(regenerateReport(path)).equals(html)).toBe(true)
  })
  it('leaves nothing when a run is given up', () => {
    const before = readdirSync(root)
    const folder = openRunFolder({ ...options(), startedAt: new Date(0) }, true)
    folder.addRequests(recordsFixture(10))
    folder.abandon()
    expect(readdirSync(root)).toEqual(before)
  })
  it('refuses what is no run folder, and a damaged one', () => {
    expect(() => regenerateReport(root)).toThrow(/not a run folder/)
    writeFileSync(join(root, 'run.full.json.gz'), 'zip?')
    expect(() => regenerateReport(root)).toThrow(/damaged/)
  })
  describe('refuses what is JSON and no result', () => {
    const report = () => ({
      meta: { ...identityFixture(), arm: { name: 'static', ...comparisonFixture().arms[0].policies } },
      picture: comparisonFixture().pictures.arms[0],
      notes: [],
    })
    const whole = () => ({ kind: 'run', report: report(), plan: planFixture() })
    const stored = (value: unknown) => writeFileSync(join(root, 'run.full.json.gz'), gzipSync(JSON.stringify(value)))
    it.each<[string, unknown]>([
      ['null', null],
      ['a number', 5],
      ['a list', []],
      ['an empty mapping', {}],
      ['another kind', { ...whole(), kind: 'magic' }],
      ['no plan', { ...whole(), plan: undefined }],
      ['no report', { ...whole(), report: undefined }],
      ['no facts', { ...whole(), report: { ...report(), meta: null } }],
      ['no pictures', { ...whole(), report: { ...report(), picture: {} } }],
      ['no summary', { ...whole(), report: { ...report(), picture: { ...report().picture, summary: null } } }],
    ])('%s', (_, value) => {
      stored(value)
      expect(() => regenerateReport(root)).toThrow(UserError)
      expect(() => regenerateReport(root)).toThrow(
        /run\.full\.json\.gz {2}the file is damaged: .*\n {2}hint: make the folder anew/,
      )
      expect(readdirSync(root)).toEqual(['run.full.json.gz'])
    })
    it('nothing, where nothing is wrong', () => {
      stored(whole())
      expect(() => regenerateReport(root)).not.toThrow()
    })
  })
  it('refuses a folder and a pipe in the place of its results', () => {
    const file = join(root, 'run.full.json.gz')
    mkdirSync(file)
    expect(() => regenerateReport(root)).toThrow(/cannot be read: not a file\n/)
    rmSync(file, { recursive: true })
    spawnSync('mkfifo', [file])
    expect(() => regenerateReport(root)).toThrow(/cannot be read: a pipe/)
  })

  it('says what to do where a folder has the name of its page: there is no --out', () => {
    const path = openResultFolder(options()).finish(files(), { kind: 'comparison', result: comparisonFixture() }, [])
    rmSync(join(path, 'report.html'))
    mkdirSync(join(path, 'report.html'))
    expect(() => regenerateReport(path)).toThrow(
      /report\.html {2}it is a folder, not a file\n {2}hint: move what is there elsewhere/,
    )
  })
})

describe('the folder of an experiment', () => {
  const request = (out: string, format: 'table' | 'json') => ({
    ...{ scenario: 'scenarios/demo.yaml', sets: [], arms: [], threads: 1, effort: 'quick' as const, oracles: false },
    ...{ quiet: true, overwrite: false, signal: new AbortController().signal, out, format },
  })
  const finished = () => ({
    stored: { kind: 'comparison' as const, result: comparisonFixture() },
    records: [],
    json: '{"kept": true}',
    table: () => 'kept',
  })

  it('is refused before the work', async () => {
    writeFileSync(join(root, 'thesis.txt'), 'dear')
    const work = vi.fn(async () => finished())
    await expect(runExperiment(request(root, 'table'), work)).rejects.toThrow(/exists already/)
    expect(work).not.toHaveBeenCalled()
  })
  it.each(['table', 'json'] as const)('that fails at the end leaves the result on stdout (%s)', async (format) => {
    const out = join(root, 'late')
    const printed = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
    const remarked = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    try {
      const run = runExperiment(request(out, format), async () => {
        writeFileSync(out, 'in the way')
        return finished()
      })
      await expect(run).rejects.toThrow(UserError)
      expect(printed.mock.calls.join('')).toMatch(/kept/)
    } finally {
      printed.mockRestore()
      remarked.mockRestore()
    }
    expect(readdirSync(root)).toEqual(['late'])
  })
})

describe('requests.parquet', () => {
  it('reads back as the records', async () => {
    const a = recordsFixture(2500)
    const b = recordsFixture(40)
    const bytes = recordsToParquet([
      { labels: { arm: 'static' }, records: a },
      { labels: { arm: 'shape-aware' }, records: b },
    ])
    const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
    const rows = await parquetReadObjects({ file })
    expect(rows).toHaveLength(2540)
    const time = (value: number) => (Number.isNaN(value) ? null : BigInt(value))
    rows.forEach((row, at) => {
      const [records, i] = at < a.count ? [a, at] : [b, at - a.count]
      const phases = Object.fromEntries(PHASES.map((phase, k) => [`${phase}_ns`, time(records.phaseNs[k][i])]))
      expect(row).toEqual({
        arm: at < a.count ? 'static' : 'shape-aware',
        request: records.request[i],
        arrival_ns: time(records.arrivalNs[i]),
        first_token_ns: time(records.firstTokenNs[i]),
        end_ns: time(records.endNs[i]),
        input_tokens: records.isl[i],
        output_tokens: records.osl[i],
        fate: FATES[records.fate[i]],
        engine: records.engine[i],
        rank: records.rank[i],
        preemptions: records.preemptions[i],
        migrations: records.migrations[i],
        cached_tokens: records.cachedTokens[i],
        loaded_tokens: records.loadedTokens[i],
        max_gap_ns: time(records.maxGapNs[i]),
        ...phases,
      })
    })
    const fate = parquetMetadata(file).row_groups[0].columns.find((column) => column.meta_data?.path_in_schema[0] === 'fate')
    expect(fate?.meta_data?.encodings).toContain('RLE_DICTIONARY')
  })
  it('takes no rows at all', async () => {
    const bytes = recordsToParquet([{ records: recordsFixture(0) }])
    expect(
      await parquetReadObjects({
        file: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer,
      }),
    ).toEqual([])
  })
})

/** Every file of the public traces beside the repository is read, or refused with a sentence that names what it is. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { UserError } from '../src/errors.js'
import { blockCountOf, blockIdsOf, type ReadOptions, type ReadResult, readTrace, workloadFault } from '../src/traces/index.js'
import { expectAsPrinted, printedTable } from './printedStatistics.js'

const data = new URL('../../shared/data/traces/', import.meta.url)
const folder = fileURLToPath(data)
const present = existsSync(data)
if (!present && !process.env.CI) console.warn('skipped: no shared/data beside the repository, so no public traces to read')
if (process.env.CI)
  it('finds the public traces', () => expect(present, 'shared/data is missing beside the repository').toBe(true))

const read = (path: string, options: Partial<ReadOptions> = {}): Promise<ReadResult> =>
  readTrace(`${folder}${path}`, { spreadTicks: true, ...options })

/** What each file is, by its path: a format and the number of its rows, or what the refusal says. */
const EXPECTED: readonly (readonly [path: RegExp, format: string, rows: number | RegExp])[] = [
  [/^azure-2023\/.*conv/, 'azure', 9739],
  [/^azure-2023\/.*code/, 'azure', 5353],
  [/^mooncake-fast25\/conversation/, 'mooncake', 5606],
  [/^mooncake-fast25\/synthetic/, 'mooncake', 1925],
  [/^mooncake-arxiv\//, 'mooncake', 1000],
  [/^claude-code-weka\/sessions/, 'weka', 36895],
  [/^claude-code-weka\/original-format\/trace_0274/, 'weka', 105],
  [/^claude-code-weka\/original-format\/trace_0277/, 'weka', 53],
  [/^claude-code-weka\/original-format\//, 'weka', Number.NaN],
  [/^servegen-sampled\/deepseek-r1/, 'csv', 30210],
  [/^servegen-sampled\/m-large/, 'csv', 81039],
  [/^servegen-sampled\/m-mid/, 'csv', 10707],
  [/^servegen-sampled\/mm-image/, 'csv', 16457],
  [/^length-tables\/arxiv/, 'lengths', 21192],
  [/^length-tables\/bwb/, 'lengths', 25326],
  [/^length-tables\/sharegpt/, 'lengths', 23048],
  [/^llmservingsim-measured\//, 'llmservingsim', 300],
  [/^dynamo-request-trace\//, 'dynamo', 17],
  [/^tracelab-format-examples\/round_trace/, 'tracelab', 19],
  [/^tracelab-format-examples\/multi_session/, 'tracelab-replay', 303],
  [/^lmcache-agents\//, 'refused', /^the file holds lengths in characters, not in tokens$/],
  [/^servegen\/.*-dataset/, 'refused', /^the file holds the length distributions of one ServeGen client: a part of a pool/],
  [/^servegen\/.*-trace/, 'refused', /^the file holds the arrival rates of one ServeGen client: a part of a pool/],
  [/^empirical-tables\.json$/, 'refused', /^the file is a set of inverse distribution functions of lengths/],
  [/\.md$/, 'refused', /\S/],
]

describe.runIf(present || process.env.CI)('the folder of public traces', () => {
  const files = present ? readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()) : []
  const paths = files.map((entry) => `${entry.parentPath}/${entry.name}`.slice(folder.length).replace(/^\//, '')).sort()

  it('has a file for each expectation', () => {
    expect(EXPECTED.filter(([path]) => !paths.some((file) => path.test(file))).map(([path]) => String(path))).toEqual([])
  })

  it('is read or refused, file by file', async () => {
    for (const path of paths) {
      const [, format, rows] = EXPECTED.find(([pattern]) => pattern.test(path)) ?? [null, 'an expectation', 0]
      const outcome = await read(path).catch((error: unknown) => error)
      if (rows instanceof RegExp) {
        expect(outcome, path).toBeInstanceOf(UserError)
        const [fault] = (outcome as UserError).faults
        expect(fault.message, path).toMatch(rows)
        expect(fault.hint, path).toMatch(/\S/)
        continue
      }
      if (outcome instanceof Error) throw new Error(`${path}: ${outcome.message}`)
      const { workload, report } = outcome as ReadResult
      expect(report.format, path).toBe(format)
      if (!Number.isNaN(rows)) expect(report.rowsRead, path).toBe(rows)
      expect(report.rowsKept + report.rowsSkipped, path).toBe(report.rowsRead)
      expect(workloadFault(workload), path).toBeNull()
    }
  })
})

describe.runIf(present || process.env.CI)('sessions of coding agents', () => {
  let sessions: ReadResult
  beforeAll(async () => {
    sessions = await read('claude-code-weka/sessions.runs.jsonl.gz')
  })

  it('have the printed numbers of requests, sessions and sub-agents', () => {
    const { workload, report } = sessions
    expect(report).toMatchObject({ rowsRead: 36895, rowsKept: 36895 })
    expect(report.notes[0]).toMatch(/^535 sessions with 43 sub-agents;/)
    expect(report.notes).toContain('19 requests have an empty answer, which counts as one token; outputs decides otherwise.')
    expect(new Set(workload.session).size).toBe(535)
    const names = workload.names.class as readonly string[]
    expect(workload.classId?.filter((id) => names[id] === 'sub-agent').length).toBe(494)
    expect(workload.blockTokens).toBe(64)
  })

  it('have the printed lengths and ideal hit rate', () => {
    const statistics = readFileSync(new URL('STATISTICS.md', data), 'utf8')
    const printed = printedTable(statistics, '## 2. Shapes').get('claude-code-weka') ?? {}
    const { isl } = sessions.workload
    const sorted = isl.slice().sort()
    expectAsPrinted(sorted[sorted.length - 1], printed['ISL max'], 'ISL max')
    expectAsPrinted(isl.reduce((sum, tokens) => sum + tokens, 0) / isl.length, printed['ISL mean'], 'ISL mean')
    expect(Math.abs(100 * (sessions.report.idealHitRate as number) - 96.3)).toBeLessThan(0.05)
  })

  it('skips the 19 requests without output when asked to, and keeps the chain around them', async () => {
    const { workload, report } = await read('claude-code-weka/sessions.runs.jsonl.gz', { outputs: 'skip' })
    expect(report.skippedByReason).toEqual([{ reason: 'output tokens are 0: a failed request', count: 19 }])
    expect(report.firstSkipped[0].within).toBe('request 101 of session trace_0053')
    const roots = workload.arrivalNs.filter((time) => !Number.isNaN(time))
    expect([...new Set(roots)]).toEqual([0])
    expect(roots.length).toBe(535)
  })

  it('are one chain a session but for sub-agents, which start after one request and are waited for by the next', () => {
    const { workload } = sessions
    const { parent, joins, joinCount, session, classId, count } = workload
    if (parent === null || joins === null || joinCount === null || session === null || classId === null)
      throw new Error('columns')
    let joined = 0
    for (let i = 0; i < count; i++) {
      if (parent[i] >= 0) expect(session[parent[i]]).toBe(session[i])
      if (joins[i] < 0) continue
      joined++
      expect([classId[i], classId[joins[i]]]).toEqual([1, 0])
    }
    // two sub-agents of session trace_0004 are its end: nobody waits for them
    expect(joined).toBe(41)
  })

  it('count the think time once: after a sub-agent it begins when that has ended', () => {
    const { workload } = sessions
    const { joins, waitNs, joinCount } = workload
    // trace_0010: the sub-agent ends at 100.65 s, the next request starts at 107 s, though its think_time says 98 s
    const target = joins?.find((row) => row >= 0) as number
    expect(joinCount?.[target]).toBe(2)
    expect(waitNs?.[target]).toBeCloseTo((107 - 100.65) * 1e9, -3)
  })

  it.each(['0274', '0277', '0369', '0598', '0702'])('are the same in the publisher’s own layout: trace_%s', async (id) => {
    const original = (await read(`claude-code-weka/original-format/trace_${id}.json.gz`)).workload
    const session = sessions.workload.session as Int32Array
    const ids = await sessionNames()
    const rows = [...session.keys()].filter((row) => session[row] === ids.indexOf(`trace_${id}`))
    expect(rows.length).toBe(original.count)
    rows.forEach((row, i) => {
      expect([original.isl[i], original.osl[i]]).toEqual([sessions.workload.isl[row], sessions.workload.osl[row]])
      expect(original.waitNs?.[i]).toBe(sessions.workload.waitNs?.[row])
      expect(blockCountOf(original, i)).toBe(blockCountOf(sessions.workload, row))
      const parent = sessions.workload.parent?.[row] as number
      expect(original.parent?.[i]).toBe(parent < 0 ? -1 : parent - rows[0])
    })
  })

  it('share nothing between sessions unless the system prompt is to be shared', async () => {
    const alone = sessions.workload
    const shared = (await read('claude-code-weka/sessions.runs.jsonl.gz', { shareSystemPrompt: true })).workload
    const firsts = (workload: ReadResult['workload']): number => {
      const first = new Set<number>()
      for (let i = 0; i < workload.count; i++) if (workload.parent?.[i] === -1) first.add(blockIdsOf(workload, i)[0])
      return first.size
    }
    expect(firsts(alone)).toBe(535)
    expect(firsts(shared)).toBeLessThan(400)
    expect(shared.isl).toEqual(alone.isl)
    for (let i = 0; i < 200; i++) expect(blockCountOf(shared, i)).toBe(blockCountOf(alone, i))
  })
})

/** Ids of the sessions in the order of the file. */
async function sessionNames(): Promise<string[]> {
  const { gunzipSync } = await import('node:zlib')
  const text = gunzipSync(readFileSync(`${folder}claude-code-weka/sessions.runs.jsonl.gz`)).toString('utf8')
  return text
    .trim()
    .split('\n')
    .map((line) => /"id":"([^"]+)"/.exec(line)?.[1] ?? basename(line))
}

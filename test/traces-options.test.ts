/** What decides where a file leaves a choice: each rule of `ReadOptions`, what it does and what is said about it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { denseBlocks } from '../src/traces/denseBlocks.js'
import { blockIdsOf, type ReadOptions, readTrace, type Workload, workloadFault } from '../src/traces/index.js'
import { inReleaseOrder, withoutRequests } from '../src/traces/relations.js'
import { createRequestRows } from '../src/traces/requestRows.js'

const folder = mkdtempSync(join(tmpdir(), 'traces-options-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const path = join(folder, 'trace')

async function read(content: string, options: Partial<ReadOptions> = {}) {
  writeFileSync(path, content)
  const result = await readTrace(path, { spreadTicks: false, ...options })
  expect(workloadFault(result.workload)).toBeNull()
  expect(result.report.rowsRead).toBe(result.report.rowsKept + result.report.rowsSkipped)
  return { ...result, isl: [...result.workload.isl], osl: [...result.workload.osl], notes: result.report.notes }
}
const csv = (...rows: string[]): string => `arrival_s,input_tokens,output_tokens\n${rows.map((row) => `${row}\n`).join('')}`
const jsonl = (...rows: object[]): string =>
  rows.map((row) => `${JSON.stringify({ timestamp: 0, input_length: 100, output_length: 10, ...row })}\n`).join('')

describe('requests without output', () => {
  const text = csv('0,5,1', '1,6,0', '2,7,')
  it('are skipped, 0 as a failure and nothing as a fault', async () => {
    const { isl, report } = await read(text)
    expect(isl).toEqual([5])
    expect(report.skippedByReason).toEqual([
      { reason: 'output tokens are 0: a failed request', count: 1 },
      { reason: 'output tokens are missing', count: 1 },
    ])
  })
  it('get the tokens that are wanted', async () => {
    const { osl, notes } = await read(text, { outputs: 30 })
    expect(osl).toEqual([1, 30, 30])
    expect(notes).toContain('2 requests without output tokens got 30 as asked for.')
  })
  it('are refused with their line', async () => {
    await expect(read(text, { outputs: 'fail' })).rejects.toThrow(`${path}:3  output tokens are 0: a failed request`)
  })
})

describe('rows out of order', () => {
  const text = csv('2,1,1', '1,2,1')
  it('are sorted or refused', async () => {
    expect((await read(text)).isl).toEqual([2, 1])
    await expect(read(text, { order: 'fail' })).rejects.toThrow('1 row is out of order in time')
    expect((await read(csv('1,2,1', '2,1,1'), { order: 'fail' })).isl).toEqual([2, 1])
  })
})

describe('rows that repeat another one', () => {
  const text = csv('0,5,1', '0.3,6,2', '0.3,6,2', '0.3,6,3', '0.3,6,2', '2,5,1')
  it('are kept and told of, dropped, or refused', async () => {
    const kept = await read(text)
    expect(kept.report).toMatchObject({ rowsKept: 6, duplicates: 2 })
    expect(kept.notes).toContain('2 rows repeat another one exactly; kept.')
    const dropped = await read(text, { duplicates: 'drop' })
    expect(dropped.osl).toEqual([1, 2, 3, 1])
    expect(dropped.report.skippedByReason).toEqual([{ reason: 'repeats another row exactly', count: 2 }])
    await expect(read(text, { duplicates: 'fail' })).rejects.toThrow('2 rows repeat another one exactly')
  })
  it('leave who waited for them to the row they repeat', async () => {
    const rows = [
      'id,parent,joins,arrival_s,wait_s,isl,osl',
      'a,,,0,,100,1',
      'b,a,,1,,500,2',
      'b2,a,,1,,500,2',
      's,a,,1.5,,50,3',
      's2,a,d,1.5,,50,3',
      'c,b2,,,2,600,4',
      'd,c,,,1,700,5',
      'u,a,b2,0.5,,40,6',
    ]
    const { workload, osl, report } = await read(`${rows.join('\n')}\n`, { duplicates: 'drop' })
    expect(report.duplicates).toBe(2)
    expect(osl).toEqual([1, 6, 2, 4, 3, 5])
    const { parent, joins, joinCount, waitNs } = workload
    expect([...(parent ?? [])]).toEqual([-1, 0, 0, 2, 0, 3])
    expect([...(joins ?? [])]).toEqual([-1, 2, -1, -1, 5, -1])
    expect([...(joinCount ?? [])]).toEqual([0, 1, 2, 1, 1, 2])
    expect([...(waitNs ?? [])]).toEqual([0, 0, 0, 2e9, 0, 1e9])
  })
  it.each([
    ['with times', { timestamp: 40_000 }, { timestamp: 50_000 }],
    ['that wait', { timestamp: undefined, delay: 5 }, { timestamp: undefined, delay: 6 }],
    ['of one time', {}, { timestamp: 3000 }],
  ])('are the turns of sessions too, of a file joined to itself: turns %s', async (_, second, third) => {
    const rows = [
      { session_id: 'a' },
      { session_id: 'a', input_length: 101, ...second },
      { session_id: 'b', timestamp: 3000 },
      { session_id: 'b', input_length: 102, ...third },
    ]
    const once = await read(jsonl(...rows), { keepTicks: true })
    const thrice = await read(jsonl(...rows, ...rows, ...rows), { duplicates: 'drop', keepTicks: true })
    expect(thrice.report.duplicates).toBe(8)
    for (const column of ['arrivalNs', 'isl', 'session', 'parent', 'waitNs'] as const)
      expect(thrice.workload[column]).toEqual(once.workload[column])
    await expect(read(jsonl(...rows, ...rows), { duplicates: 'fail' })).rejects.toThrow('4 rows repeat another one exactly')
  })
  it('are turns that stand behind each other too', async () => {
    const twice = [0, 1.37, 2.91].flatMap((at, turn) =>
      [1, 2].map(() => ({ session_id: 'a', timestamp: at * 1000, input_length: 100 + turn })),
    )
    const { report } = await read(jsonl(...twice), { duplicates: 'drop', keepTicks: true })
    expect(report.duplicates).toBe(3)
  })
  it('differ by their wait, by whom they continue, and by who joins them', async () => {
    const rows = [
      'id,parent,joins,arrival_s,wait_s,isl,osl',
      'a,,,0,,100,1',
      'b,,,0,,200,1',
      'c,a,,1,2,500,2',
      'd,a,,1,3,500,2',
      'e,b,,1,3,500,2',
      'f,b,x,2,,50,3',
      'g,b,y,2,,50,3',
      'x,a,,,0,60,4',
      'y,a,,,0,61,4',
    ]
    expect((await read(`${rows.join('\n')}\n`, { keepTicks: true })).report.duplicates).toBe(0)
    expect((await read(`${rows.join('\n')}\ne2,b,,1,3,500,2\n`, { keepTicks: true })).report.duplicates).toBe(1)
  })
  it('are not two alike that one request releases', async () => {
    const rows = ['id,parent,arrival_s,isl,osl', 'a,,0,100,1', 'b,,0,200,1', 'c,a,,50,2', 'd,a,,50,2', 'e,,5,9,9']
    expect((await read(`${rows.join('\n')}\n`, { keepTicks: true })).report.duplicates).toBe(0)
  })
  it('differ by their prefix', async () => {
    expect((await read(jsonl({ hash_ids: [1] }, { hash_ids: [2] }, { hash_ids: [1] }, { timestamp: 9 }))).report.duplicates).toBe(
      1,
    )
  })
  it('are none where every request comes at one time', async () => {
    expect((await read(csv('0,5,1', '0,5,1'))).report.duplicates).toBe(0)
  })
})

describe('the size of prefix blocks', () => {
  it('is taken from the user before all else', async () => {
    const { workload, notes } = await read(jsonl({ hash_ids: [1, 2] }), { blockTokens: 64 })
    expect(workload.blockTokens).toBe(64)
    expect(notes).toContain('Prefix blocks of 64 tokens, as asked for.')
  })
  it('is refused where there are no ids', async () => {
    await expect(read(jsonl({}), { blockTokens: 64 })).rejects.toThrow('the trace has no ids of prefix blocks')
  })
})

describe('requests over the context limit', () => {
  const text = csv('0,90,10', '1,95,10', '2,50,200', '3,10,1')
  it('are dropped, or refused', async () => {
    const { isl, notes } = await read(text, { contextLimit: 100 })
    expect(isl).toEqual([90, 10])
    expect(notes).toContain('2 of 4 requests (50.0 %) need more than 100 tokens of context.')
    await expect(read(text, { contextLimit: 100, overLimit: 'fail' })).rejects.toThrow(
      '2 of 4 requests (50.0 %) need more than 100',
    )
    await expect(read(csv('0,90,11'), { contextLimit: 100 })).rejects.toThrow(
      'all 1 requests need more than 100 tokens of context',
    )
  })
  it('lose the end of their input, and its blocks', async () => {
    const { isl, osl, workload } = await read(
      jsonl(
        { input_length: 100, hash_ids: [1, 2, 3, 4, 5, 6, 7] },
        { timestamp: 1, input_length: 30, output_length: 90, hash_ids: [1, 9] },
      ),
      { contextLimit: 60, overLimit: 'clip', blockTokens: 16 },
    )
    expect([isl, osl]).toEqual([
      [50, 1],
      [10, 59],
    ])
    expect([...blockIdsOf(workload, 0)]).toEqual([0, 1, 2, 3])
    expect([...blockIdsOf(workload, 1)]).toEqual([0])
  })
  it('are told of when their output is cut too', async () => {
    const clip = { contextLimit: 4096, overLimit: 'clip' } as const
    const { isl, osl, notes } = await read(csv('0,100,5000', '0.1,5000,100', '0.3,9,4096', '0.4,9,9'), clip)
    expect([isl, osl]).toEqual([
      [1, 3996, 1, 9],
      [4095, 100, 4095, 9],
    ])
    expect(notes).toContain(
      '3 of 4 requests (75.0 %) needed more than 4096 tokens of context: their input was cut, and the output of 2 of them to 4095.',
    )
    expect((await read(csv('0,5000,100', '0.1,9,9'), clip)).notes).toContain(
      '1 of 2 requests (50.0 %) needed more than 4096 tokens of context: their input was cut.',
    )
  })
  it('leave their session whole: the next turn waits for the one before, both delays', async () => {
    const { workload } = await read(
      jsonl(
        { session_id: 'a' },
        { timestamp: undefined, session_id: 'a', delay: 5, input_length: 5000 },
        { timestamp: undefined, session_id: 'a', delay: 7 },
      ),
      { contextLimit: 1000 },
    )
    expect([...(workload.parent as Int32Array)]).toEqual([-1, 0])
    expect(workload.waitNs?.[1]).toBe(12e6)
  })
})

describe('parts of a trace', () => {
  it('are the first requests of the file', async () => {
    const { isl, report } = await read(csv('2,1,1', '1,2,1', '0,3,1'), { limit: 2 })
    expect(isl).toEqual([2, 1])
    expect(report.skippedByReason).toEqual([{ reason: 'beyond the limit of requests', count: 1 }])
  })
  it('name nobody beyond them: who came before one that is cut off waits for nobody', async () => {
    const text = 'time_s,isl,osl,id,parent,joins\n4,10,1,c,,b\n5,20,1,b,a,\n6,30,1,d,,\n0,40,1,a,,\n'
    const { workload, notes } = await read(text, { limit: 3 })
    expect([...(workload.parent ?? [])]).toEqual([-1, -1, -1])
    expect([...(workload.joins ?? [])]).toEqual([1, -1, -1])
    expect(notes).toContain('1 request names one beyond the limit of requests as the one before it: left out.')
  })
  it('stop the reading of a long file early', async () => {
    const rows = Array.from({ length: 400_000 }, (_, i) => `${i},5,5`)
    const { report } = await read(csv(...rows), { limit: 10 })
    expect(report.rowsKept).toBe(10)
    expect(report.rowsRead).toBeLessThan(200_000)
  })
  it('are a window of seconds after the first request, with the turns that wait for those in it', async () => {
    const rows = jsonl(
      { timestamp: 1000, session_id: 'a' },
      { timestamp: undefined, session_id: 'a', delay: 5, input_length: 101 },
      { timestamp: 3000, session_id: 'b', input_length: 200 },
      { timestamp: undefined, session_id: 'b', delay: 6, input_length: 201 },
      { timestamp: 9000, input_length: 300 },
    )
    const { isl, workload } = await read(rows, { window: { fromS: 2, toS: 8 } })
    expect(isl).toEqual([200, 201])
    expect([...workload.arrivalNs]).toEqual([0, Number.NaN])
    expect([...(workload.parent as Int32Array)]).toEqual([-1, 0])
    const fork = [
      'id,parent,joins,arrival_s,isl,osl',
      'early,,late,0,9,1',
      'in,,,5.1,10,1',
      'late,in,,,20,1',
      'next,late,,,30,1',
      'side,in,both,,40,1',
      'both,in,,,50,1',
    ]
    const forked = await read(`${fork.join('\n')}\n`, { window: { fromS: 2, toS: 8 } })
    expect([forked.isl, [...(forked.workload.joins ?? [])]]).toEqual([
      [10, 40, 50],
      [-1, 2, -1],
    ])
    expect(forked.report.skippedByReason).toEqual([{ reason: 'outside the window of time', count: 3 }])
    await expect(read(rows, { window: { fromS: 100, toS: 200 } })).rejects.toThrow('no request arrives from 100 s to 200 s')
  })
})

it('tells of long silences', async () => {
  const times = [...Array(50).keys(), 4000, 4001, 9000, 9001]
  const { notes, report } = await read(csv(...times.map((time) => `${time},5,5`)))
  expect(report.longestGapNs).toBe(4999e9)
  expect(notes.find((note) => note.startsWith('Nothing arrives'))).toBe(
    'Nothing arrives for 4999 s after 4001 s (1 more of 2309 s or longer).',
  )
})

describe('options without effect', () => {
  it.each([
    [csv('0,5,5'), { shareSystemPrompt: true }, 'sharing the system prompt has no effect on a file of the format csv'],
    [csv('0,5,5'), { blockTokens: 16 }, 'the size of prefix blocks has no effect: the trace has no ids of prefix blocks'],
    [jsonl({}), { columns: { input: 'x' } }, 'the choice of columns has no effect on a file of the format mooncake'],
    [csv('0,5,5'), { overLimit: 'drop' }, 'what happens to requests over the context limit was given, but no limit'],
  ] as const)('are refused: %#', async (content, options, message) => {
    await expect(read(content, options)).rejects.toThrow(message)
  })
})

/** Any rows with any relations: parents and joins may point anywhere, also at rows that are not there. */
const anyRows = fc.array(
  fc.record({
    timeNs: fc.option(fc.nat(1000), { nil: Number.NaN }),
    parent: fc.integer({ min: -1, max: 24 }),
    joins: fc.oneof({ weight: 3, arbitrary: fc.constant(-1) }, { weight: 1, arbitrary: fc.integer({ min: -1, max: 24 }) }),
    waitNs: fc.nat(50),
    blocks: fc.nat(3),
  }),
  { minLength: 1, maxLength: 24 },
)

function workloadOf(given: typeof anyRows extends fc.Arbitrary<infer T> ? T : never): Workload {
  const rows = createRequestRows('test')
  for (const { timeNs, parent, joins, waitNs, blocks } of given) {
    const row = rows.add(timeNs, 100 + rows.count, 5)
    rows.parent.set(row, parent)
    rows.joins.set(row, joins)
    rows.waitNs.set(row, waitNs)
    if (blocks > 0) rows.pushBlocks(0, blocks)
  }
  const provenance = { name: 'test', format: 'generated', note: '', rowsRead: 0, rowsSkipped: 0 }
  return { ...rows.columns(Number.POSITIVE_INFINITY), blockTokens: 16, provenance }
}

describe('relations', () => {
  it('of any rows become a sound workload, in which timed requests are all there', () => {
    fc.assert(
      fc.property(anyRows, (given) => {
        const { workload } = inReleaseOrder(workloadOf(given))
        expect(workloadFault({ ...workload, ...denseBlocks(workload) })).toBeNull()
        const timed = given.filter(({ timeNs }) => !Number.isNaN(timeNs)).length
        expect(workload.arrivalNs.filter((time) => !Number.isNaN(time)).length).toBe(timed)
      }),
      { numRuns: 300 },
    )
  })

  it('stay sound when any requests go, and what remains is released all the same', () => {
    fc.assert(
      fc.property(anyRows, fc.infiniteStream(fc.boolean()), (given, coins) => {
        const { workload } = inReleaseOrder(workloadOf(given))
        const gone = Uint8Array.from({ length: workload.count }, () => (coins.next().value ? 1 : 0))
        const rest = withoutRequests(workload, gone)
        expect(workloadFault({ ...rest, ...denseBlocks(rest) })).toBeNull()
        const kept = [...workload.isl].filter((_, i) => gone[i] === 0)
        expect([...rest.isl].sort()).toEqual(kept.sort())
      }),
      { numRuns: 300 },
    )
  })

  it('of a chain keep its length: what goes leaves its wait behind', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(50), fc.boolean()), { minLength: 1, maxLength: 12 }), (links) => {
        const chain = workloadOf(
          links.map(([waitNs], i) => ({
            timeNs: i === 0 ? 0 : Number.NaN,
            parent: i - 1,
            joins: -1,
            waitNs: i === 0 ? 0 : waitNs,
            blocks: 0,
          })),
        )
        const last = links.length - 1
        const gone = Uint8Array.from(links, ([, goes], i) => (goes && i !== last ? 1 : 0))
        const rest = withoutRequests(chain, gone)
        const length = (workload: Workload) =>
          workload.arrivalNs[0] + (workload.waitNs ?? new Float64Array(0)).reduce((sum, wait) => sum + wait, 0)
        expect(length(rest)).toBe(length(chain))
      }),
    )
  })

  it('of a fork come together again, whichever steps go: the next one that stays waits for the sub-agent', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 8 }), fc.infiniteStream(fc.boolean()), fc.boolean(), (steps, coins, isLater) => {
        // row 0, then the sub-agent (row 1), which the next step waits for, or the one after it; then the steps, each after the one before
        const joinedRow = isLater && steps > 2 ? 3 : 2
        const fork = workloadOf(
          Array.from({ length: steps + 2 }, (_, i) => ({
            timeNs: i === 0 ? 0 : Number.NaN,
            parent: i === 2 ? 0 : i - 1,
            joins: i === 1 ? joinedRow : -1,
            waitNs: 0,
            blocks: 0,
          })),
        )
        const gone = Uint8Array.from(fork.isl, (_, i) => (i !== 1 && i < fork.count - 1 && coins.next().value ? 1 : 0))
        const rest = withoutRequests(fork, gone)
        const kept = Array.from(gone, (_, i) => i).filter((i) => gone[i] === 0)
        const [agent, next] = [kept.indexOf(1), kept.findIndex((i) => i >= joinedRow)]
        const before = kept.findLastIndex((i) => i !== 1 && i < joinedRow)
        const waitsFor = [rest.parent?.[next], ...(rest.joins?.[agent] === next ? [agent] : [])]
        expect(waitsFor).toEqual(before < 0 ? [agent] : [before, agent])
        expect(rest.joinCount?.[next]).toBe(waitsFor.length)
        expect(rest.arrivalNs[next]).toBeNaN()
      }),
    )
  })
})

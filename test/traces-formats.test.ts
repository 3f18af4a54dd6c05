/** The JSON formats on small files: what each column and each relation becomes, and what is said about it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { FORMAT_NAMES } from '../src/traces/formats/catalogue.js'
import { blockIdsOf, type ReadOptions, readTrace, workloadFault } from '../src/traces/index.js'

const folder = mkdtempSync(join(tmpdir(), 'traces-formats-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let files = 0
async function read(content: string | readonly object[], options: Partial<ReadOptions> = {}) {
  const path = join(folder, `${files++}`)
  writeFileSync(path, typeof content === 'string' ? content : content.map((row) => `${JSON.stringify(row)}\n`).join(''))
  const { workload, report } = await readTrace(path, { spreadTicks: false, ...options })
  expect(workloadFault(workload)).toBeNull()
  return {
    report,
    workload,
    format: report.format,
    notes: report.notes,
    times: [...workload.arrivalNs],
    isl: [...workload.isl],
    osl: [...workload.osl],
    session: [...(workload.session ?? [])],
    parent: [...(workload.parent ?? [])],
    waitMs: [...(workload.waitNs ?? [])].map((ns) => ns / 1e6),
    joins: [...(workload.joins ?? [])],
    ids: Array.from({ length: workload.count }, (_, i) => [...blockIdsOf(workload, i)]),
  }
}

const NAN = Number.NaN

describe('a limit of requests', () => {
  const row = (i: number) => ({ timestamp: 37 * i, input_length: 100, output_length: 20, pad: 'x'.repeat(1000) })
  const session = (i: number) => ({ id: `s${i}`, block_size: 64, requests: [{ t: 0, in: 640, out: 5, pad: 'x'.repeat(9000) }] })
  const list = (of: (i: number) => object) => Array.from({ length: 1500 }, (_, i) => of(i))
  const csv = `arrival_s,isl,osl\n${Array.from({ length: 150_000 }, (_, i) => `${i}.125,100,20\n`).join('')}`

  it.each([
    ['mooncake', list(row)],
    ['weka', list(session)],
    ['csv', csv],
  ])('%s: what it cuts off is no bad row', async (name, content) => {
    const { report, workload } = await read(content, { limit: 10 })
    expect(report.format).toBe(name)
    expect(workload.count).toBe(10)
    expect(report.skippedByReason.map(({ reason }) => reason)).toEqual(['beyond the limit of requests'])
  })
})

describe('Mooncake with sessions', () => {
  const turn = (fields: object) => ({ input_length: 100, output_length: 10, ...fields })

  it('begins a session whose first turns have no answer with the next one, as much later', async () => {
    const { times, session, parent, waitMs, report } = await read([
      turn({ session_id: 'a', timestamp: 1000, output_length: 0 }),
      turn({ session_id: 'a', delay: 300, output_length: 0 }),
      turn({ session_id: 'b', timestamp: 1250 }),
      turn({ session_id: 'a', delay: 200 }),
      turn({ session_id: 'a', delay: 50 }),
    ])
    expect(times).toEqual([0, 250e6, NAN])
    expect(session).toEqual([0, 1, 1])
    expect(parent).toEqual([-1, -1, 1])
    expect(waitMs).toEqual([0, 0, 50])
    expect(report.skippedByReason).toEqual([{ reason: 'output tokens are 0: a failed request', count: 2 }])
  })

  it('names some of the keys that are not used', async () => {
    const { notes } = await read(Array.from({ length: 2000 }, (_, i) => turn({ timestamp: i, [`key_${i}`]: 1 })))
    expect(notes.find((note) => note.startsWith('Keys not used'))).toMatch(/^Keys not used: key_0, .* and 980 more\.$/)
  })

  it('sends later turns a delay after the answer before', async () => {
    const { format, times, session, parent, waitMs, notes } = await read([
      turn({ timestamp: 100, session_id: 'a' }),
      turn({ timestamp: 150, session_id: 'b' }),
      turn({ session_id: 'a', delay: 40.5 }),
      turn({ session_id: 'b', delay_ms: 7 }),
      turn({ session_id: 'a' }),
    ])
    expect(format).toBe('mooncake')
    // every request stands behind the one that releases it already, so the order is kept
    expect(times).toEqual([0, 50e6, NAN, NAN, NAN])
    expect(session).toEqual([0, 1, 0, 1, 0])
    expect(parent).toEqual([-1, -1, 0, 1, 2])
    expect(waitMs).toEqual([0, 0, 40.5, 7, 0])
    expect(notes).toContain('2 sessions by session_id.')
    expect(notes).toContain('1 turn has neither a time nor a delay: sent as soon as the answer before is complete.')
  })

  it('keeps recorded times beside the turn before, and says that waits are unknown', async () => {
    const { times, parent, notes } = await read([
      turn({ timestamp: 0, session_id: 1 }),
      turn({ timestamp: 900, session_id: 1 }),
      turn({ created_time: 1000, session_id: 2 }),
    ])
    expect(times).toEqual([0, 900e6, 1e9])
    expect(parent).toEqual([-1, 0, -1])
    expect(notes).toContain('1 turn has a time but no delay: waits are unknown and taken as 0 in a closed loop.')
  })

  it('passes over a failed turn: the next one waits for the one before it, both delays', async () => {
    const { parent, waitMs, report } = await read([
      turn({ timestamp: 0, session_id: 'a' }),
      turn({ session_id: 'a', delay: 5, output_length: 0 }),
      turn({ session_id: 'a', delay: 7 }),
    ])
    expect(parent).toEqual([-1, 0])
    expect(waitMs).toEqual([0, 12])
    expect(report.rowsSkipped).toBe(1)
  })

  it('reads who waits for whom by name, forks and joins included', async () => {
    const { times, parent, joins, waitMs } = await read([
      turn({ request_id: 'root', timestamp: 0 }),
      turn({ request_id: 'left', wait_for: 'root' }),
      turn({ request_id: 'right', wait_for: ['root'], tool_wait_ms: 3 }),
      turn({ request_id: 'both', wait_for: ['left', 'right'], tool_wait_ms: 11, branches: 2 }),
    ])
    expect(times).toEqual([0, NAN, NAN, NAN])
    expect(parent).toEqual([-1, 0, 0, 1])
    expect(joins).toEqual([-1, -1, 3, -1])
    expect(waitMs).toEqual([0, 0, 3, 11])
  })

  it('skips requests that wait for others that are not there, or for each other', async () => {
    const { isl, report } = await read([
      turn({ request_id: 'a', timestamp: 0, input_length: 1 }),
      turn({ request_id: 'b', wait_for: 'nobody', input_length: 2 }),
      turn({ request_id: 'c', wait_for: 'd', input_length: 3 }),
      turn({ request_id: 'd', wait_for: 'c', input_length: 4 }),
      turn({ request_id: 'e', wait_for: 'a', input_length: 5 }),
    ])
    expect(isl).toEqual([1, 5])
    expect(report.skippedByReason).toEqual([{ reason: 'waits for a request that is not in the file, or was skipped', count: 3 }])
  })

  describe('passes over failed requests that others wait for', () => {
    const failed = { output_length: 0 }
    const NAMES = 'abcdefgh'
    /** Whom each request that is left waits for, by names, and how many ms after them it is sent, or when. */
    const left = async (rows: readonly { readonly request_id: string; readonly [key: string]: unknown }[]) => {
      const { isl, parent, joins, waitMs, times, report } = await read(
        rows.map((row) => turn({ input_length: NAMES.indexOf(row.request_id) + 1, ...row })),
      )
      const name = (row: number): string => NAMES[isl[row] - 1]
      const found = isl.map((_, row) => {
        const before = [parent[row] ?? -1, ...joins.flatMap((target, other) => (target === row ? [other] : []))]
        const waited = before.filter((other) => other >= 0).map(name)
        return [name(row), Number.isNaN(times[row]) ? `${waited.sort().join('')}+${waitMs[row]}` : times[row] / 1e6]
      })
      return { found: Object.fromEntries(found), skipped: report.skippedByReason }
    }
    const failures = (count: number) => [{ reason: 'output tokens are 0: a failed request', count }]

    it('who waits for one waits for those before it', async () => {
      const rows = [
        { request_id: 'a', timestamp: 0 },
        { request_id: 'b', wait_for: 'a' },
        { request_id: 'c', wait_for: ['a', 'b'], ...failed },
        { request_id: 'd', wait_for: 'c' },
      ]
      const expected = { found: { a: 0, b: 'a+0', d: 'ab+0' }, skipped: failures(1) }
      expect(await left(rows)).toEqual(expected)
      expect(await left([rows[0], rows[3], rows[2], rows[1]])).toEqual(expected)
    })

    it('as long in addition, unless one that is there is waited for too', async () => {
      const { found, skipped } = await left([
        { request_id: 'a', timestamp: 0 },
        { request_id: 'b', wait_for: 'a' },
        { request_id: 'c', wait_for: 'a', tool_wait_ms: 5, ...failed },
        { request_id: 'd', wait_for: ['c'], tool_wait_ms: 7, ...failed },
        { request_id: 'e', wait_for: 'a', tool_wait_ms: 30, ...failed },
        { request_id: 'f', wait_for: ['d', 'e'], tool_wait_ms: 11 },
        { request_id: 'g', wait_for: ['b', 'd'], tool_wait_ms: 2 },
      ])
      expect(found).toEqual({ a: 0, b: 'a+0', f: 'a+41', g: 'ab+2' })
      expect(skipped).toEqual(failures(3))
    })

    it('at its time, where it waited for nobody', async () => {
      const { found } = await left([
        { request_id: 'a', timestamp: 0, session_id: 's' },
        { request_id: 'b', timestamp: 90, ...failed },
        { request_id: 'c', wait_for: 'b', tool_wait_ms: 5, ...failed },
        { request_id: 'd', wait_for: 'c', tool_wait_ms: 7 },
        { request_id: 'e', wait_for: ['b', 'a'], tool_wait_ms: 1 },
        { request_id: 'f', wait_for: 'b', timestamp: 300, tool_wait_ms: 1 },
        { request_id: 'g', wait_for: 'd' },
      ])
      expect(found).toEqual({ a: 0, d: 102, e: 'a+1', f: 300, g: 'd+0' })
    })

    it('which is a turn of a session, or opens one', async () => {
      const { found } = await left([
        { request_id: 'a', timestamp: 0, session_id: 's' },
        { request_id: 'b', session_id: 's', delay: 5, ...failed },
        { request_id: 'c', session_id: 's', delay: 7, ...failed },
        { request_id: 'd', wait_for: 'c', session_id: 's', tool_wait_ms: 11 },
        { request_id: 'e', session_id: 's', delay: 1 },
        { request_id: 'f', wait_for: 'd', session_id: 't', tool_wait_ms: 100, ...failed },
        { request_id: 'g', session_id: 't', delay: 20, ...failed },
        { request_id: 'h', session_id: 't', delay: 3 },
      ])
      expect(found).toEqual({ a: 0, d: 'a+23', e: 'd+1', h: 'd+123' })
    })

    it('but for those that would never be sent, and not where one of its name answers later', async () => {
      const { found, skipped } = await left([
        { request_id: 'a', timestamp: 0 },
        { request_id: 'b', wait_for: 'c', ...failed },
        { request_id: 'c', wait_for: 'b', ...failed },
        { request_id: 'd', wait_for: 'c' },
        { request_id: 'e', wait_for: 'nobody', ...failed },
        { request_id: 'f', wait_for: 'e' },
        { request_id: 'g', wait_for: 'a', tool_wait_ms: 5, ...failed },
        { request_id: 'g', wait_for: 'a', tool_wait_ms: 9 },
        { request_id: 'h', wait_for: 'g' },
      ])
      expect(found).toEqual({ a: 0, g: 'a+9', h: 'g+0' })
      expect(skipped).toEqual([
        ...failures(4),
        { reason: 'waits for a request that is not in the file, or was skipped', count: 2 },
      ])
    })

    it('in a row of any length, in any order', async () => {
      const chain = Array.from({ length: 20_000 }, (_, i) => turn({ request_id: i, wait_for: i - 1, tool_wait_ms: 1, ...failed }))
      const rows = [turn({ request_id: 0, timestamp: 0 }), ...chain.slice(1), turn({ request_id: 'last', wait_for: 19_999 })]
      for (const list of [rows, rows.toReversed()]) {
        const { parent, waitMs } = await read(list)
        expect([parent, waitMs]).toEqual([
          [-1, 0],
          [0, 19_999],
        ])
      }
    })
  })

  it('adds up prompts where turns hold their new part only', async () => {
    const rows = [
      turn({ timestamp: 0, session_id: 'a', input_length: 600, output_length: 500 }),
      turn({ session_id: 'a', delay: 5, input_length: 30, output_length: 8 }),
      turn({ session_id: 'a', delay: 5, input_length: 1000, output_length: 9 }),
    ]
    const { isl, ids, format } = await read(rows, { from: 'mooncake-delta' })
    expect(format).toBe('mooncake-delta')
    expect(isl).toEqual([600, 1130, 2138])
    // whole blocks of 512: the second prompt shares the one block of the first, the third both of the second
    expect(ids).toEqual([[0], [0, 1], [0, 1, 2, 3]])
    const finer = await read(rows, { from: 'mooncake-delta', blockTokens: 16 })
    expect(finer.ids[1].slice(0, 37)).toEqual(finer.ids[0])
    expect(finer.ids[1].length).toBe(70)
  })
})

describe('Dynamo request traces', () => {
  const event = (type: string, fields: object, session = 's', parent?: string) => ({
    timestamp: 1,
    event: {
      schema: 'dynamo.request.trace.v1',
      event_type: type,
      event_time_unix_ms: 1_779_163_050_197,
      agent_context: { session_id: session, ...(parent === undefined ? {} : { parent_session_id: parent }) },
      ...fields,
    },
  })
  const request = (receivedMs: number, lastsMs: number, isl: number, session = 's', parent?: string) =>
    event(
      'request_end',
      {
        request: {
          input_tokens: isl,
          output_tokens: 5,
          request_received_ms: 1_779_163_050_000 + receivedMs,
          total_time_ms: lastsMs,
          replay: { trace_block_size: 16, input_length: isl, input_sequence_hashes: [isl] },
        },
      },
      session,
      parent,
    )

  it('orders by arrival, forks into sub-sessions and joins them, with the waits between', async () => {
    const { times, isl, session, parent, joins, waitMs, report, workload } = await read([
      request(0, 100, 100),
      event('tool_start', { tool: {} }),
      request(150, 300, 200, 'child-1', 's'),
      request(160, 100, 300, 'child-2', 's'),
      event('tool_end', { tool: { duration_ms: 3 } }),
      request(500, 10, 400),
    ])
    expect(report.rowsRead).toBe(4)
    expect(times).toEqual([0, 150e6, 160e6, 500e6])
    expect(isl).toEqual([100, 200, 300, 400])
    expect(session).toEqual([0, 0, 0, 0])
    expect(parent).toEqual([-1, 0, 0, 0])
    expect(joins).toEqual([-1, 3, 3, -1])
    // 500 ms less the last of the ends 100, 450 and 260 ms
    expect(waitMs).toEqual([0, 50, 60, 50])
    expect(workload.blockTokens).toBe(16)
  })

  it('keeps 64-bit hashes apart', async () => {
    const row = (hashes: string) => JSON.stringify(request(0, 1, 100)).replace('[100]', `[${hashes}]`)
    const { ids } = await read(
      `${row('13733815523822445379, 13733815523822445380')}\n${row('13733815523822445379, 13733815523822445381')}\n`,
    )
    expect(ids).toEqual([
      [0, 1],
      [0, 2],
    ])
  })

  it('refuses another version', async () => {
    const text = JSON.stringify(request(0, 1, 100)).replace('trace.v1', 'trace.v2')
    await expect(read(`${text}\n`)).rejects.toThrow('the schema is dynamo.request.trace.v2; dynamo.request.trace.v1 is read')
  })
})

it('reads Qwen-Bailian traces: seconds, chains by parent_chat_id, types as classes', async () => {
  const row = (chat: number, parent: number, timestamp: number) => ({
    chat_id: chat,
    parent_chat_id: parent,
    timestamp,
    input_length: 40,
    output_length: 9,
    type: chat % 2 === 0 ? 'text' : 'search',
    turn: 1,
    hash_ids: [1, 2, chat],
  })
  const { format, times, session, parent, workload, notes } = await read([
    row(10, -1, 0.5),
    row(11, -1, 2),
    row(12, 10, 60.25),
    row(13, 99, 61),
  ])
  expect(format).toBe('qwen')
  expect(times).toEqual([0, 1.5e9, 59.75e9, 60.5e9])
  expect(session).toEqual([0, 1, 0, 2])
  expect(parent).toEqual([-1, -1, 0, -1])
  expect(workload.blockTokens).toBe(16)
  expect(workload.names.class).toEqual(['text', 'search'])
  expect(notes).toContain('Time is in s, as the publisher says.')
  expect(notes).toContain('1 requests name a parent_chat_id that is not in the file before them: they begin a session.')

  const failed = { output_length: 0 }
  const rest = await read([
    row(10, -1, 0),
    { ...row(11, 10, 2), ...failed },
    { ...row(12, 11, 3), ...failed },
    row(13, 12, 4),
    { ...row(14, -1, 5), ...failed },
    row(15, 14, 6),
    row(16, 15, 7),
  ])
  expect([rest.session, rest.parent]).toEqual([
    [0, 0, 1, 1],
    [-1, 0, -1, 2],
  ])
  expect(rest.notes.join()).not.toContain('parent_chat_id')
})

it('reads TraceLab rounds: whole prompts, waits from the last output to the last input, blocks shared as far as both prompts go', async () => {
  const round = (session: string, index: number, total: number, prefix: number, fromS: number, toS: number) => ({
    project: 'p',
    session_id: session,
    round_index: index,
    input_tokens_total: total,
    prefix_tokens: prefix,
    newly_append_tokens: total - prefix,
    output_tokens: 7,
    timing_events: [
      // an input before the last one
      { event_type: 'tool_result', timestamp: new Date(1.78e12 + (fromS - 1) * 1000).toISOString() },
      { event_type: index === 0 ? 'user_message' : 'tool_result', timestamp: new Date(1.78e12 + fromS * 1000).toISOString() },
      { event_type: 'text', timestamp: new Date(1.78e12 + toS * 1000).toISOString() },
    ],
  })
  const { format, times, isl, parent, waitMs, ids, notes } = await read([
    round('x', 0, 100, 20, 0, 5),
    round('x', 1, 170, 110, 12.5, 20),
  ])
  expect(format).toBe('tracelab')
  expect(times).toEqual([0, 12.5e9])
  expect(isl).toEqual([100, 170])
  expect(parent).toEqual([-1, 0])
  expect(waitMs).toEqual([0, 7500])
  // 110 cached tokens are 6 blocks of 16, as many as the prompt before had whole
  expect(ids).toEqual([
    [0, 1, 2, 3, 4, 5],
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  ])
  expect(notes).toContain(
    'First rounds found 20 tokens cached by sessions that the file does not tell of: here they share nothing.',
  )
})

it('reads the TraceLab replay list: rounds after the first wait for the answer and the tool before', async () => {
  const { format, times, isl, session, parent, waitMs } = await read(
    'session_id,arrival_time,round_idx,prefix_len,input_len,output_len,tool_wait_after_ms\n0,117,0,0,2318,200,300\n0,117,1,2518,348,131,154\n1,393,0,0,861,107,273\n',
  )
  expect(format).toBe('tracelab-replay')
  expect(times).toEqual([0, NAN, 276e6])
  expect(isl).toEqual([2318, 2866, 861])
  expect(session).toEqual([0, 0, 1])
  expect(parent).toEqual([-1, 0, -1])
  expect(waitMs).toEqual([0, 300, 0])
})

it('adds the wait of a skipped round or request to that of the one before, or to the start of the session', async () => {
  const replay = await read(
    'session_id,arrival_time,round_idx,prefix_len,input_len,output_len,tool_wait_after_ms\n0,1,0,0,100,5,30\n0,1,1,40,30,0,400\n0,1,2,70,20,5,0\n',
  )
  expect(replay.waitMs).toEqual([0, 430])
  const late = await read(
    'session_id,arrival_time,round_idx,prefix_len,input_len,output_len,tool_wait_after_ms\n1,1,0,0,9,5,0\n0,1,0,0,100,0,30\n0,1,1,40,30,0,400\n0,1,2,70,20,5,7\n0,1,3,70,20,5,0\n',
  )
  expect([late.times, late.waitMs]).toEqual([
    [0, 430e6, NAN],
    [0, 0, 7],
  ])
  const skipped = { input_toks: 20, output_toks: 0, tool_duration_ns: 3_000_000 }
  const answered = { input_toks: 30, output_toks: 2, tool_duration_ns: 500_000 }
  const { times, waitMs } = await read([
    { input_toks: 10, output_toks: 2, arrival_time_ns: 0 },
    { session_id: 'a', arrival_time_ns: 9, sub_requests: [skipped, answered, skipped, answered] },
  ])
  expect(times).toEqual([0, 3_000_009, NAN])
  expect(waitMs).toEqual([0, 0, 3.5])
})

it('reads the TraceLab replay list by the names it is recognised by', async () => {
  const { format, isl, parent, waitMs, notes } = await read(
    'sessionId,Arrival Time,roundIdx,prefixLen,inputLen,OUTPUT_LEN,toolWaitAfterMs,Note\n0,1,0,0,100,5,30,a\n0,1,1,40,30,6,0,b\n',
  )
  expect(format).toBe('tracelab-replay')
  expect([isl, parent, waitMs]).toEqual([
    [100, 70],
    [-1, 0],
    [0, 30],
  ])
  expect(notes).toContain('Columns not used: Note.')
})

it('counts only whole blocks as shared where blocks are rebuilt', async () => {
  const { ids } = await read(
    'session_id,arrival_time,round_idx,prefix_len,input_len,output_len,tool_wait_after_ms\n0,1,0,0,100,5,0\n0,1,1,40,30,5,0\n0,1,2,70,20,5,0\n',
  )
  expect(ids).toEqual([
    [0, 1, 2, 3, 4, 5],
    [0, 1, 6, 7],
    [0, 1, 6, 7, 8],
  ])
})

it('reads both forms of LLMServingSim', async () => {
  const { format, times, isl, parent, waitMs, notes } = await read([
    { input_toks: 10, output_toks: 2, arrival_time_ns: 5 },
    {
      session_id: 'a',
      arrival_time_ns: 9,
      sub_requests: [
        { input_toks: 20, output_toks: 2, tool_duration_ns: 3_000_000 },
        { input_toks: 30, output_toks: 0, tool_duration_ns: 4_000_000 },
        { input_toks: 40, output_toks: 2 },
      ],
    },
  ])
  expect(format).toBe('llmservingsim')
  expect(notes.join()).not.toContain('session_id')
  expect(times).toEqual([0, 4, NAN])
  expect(isl).toEqual([10, 20, 40])
  expect(parent).toEqual([-1, -1, 1])
  expect(waitMs).toEqual([0, 0, 7])
  expect(
    (
      await read([
        { input_toks: 10, output_toks: 2, arrival_time: 1787267980.25 },
        { input_toks: 10, output_toks: 2, arrival_time: 1787267981.5 },
      ])
    ).times,
  ).toEqual([0, 1.25e9])
  const alone = await read([{ session_id: 'a', input_toks: 10, output_toks: 2, arrival_time_ns: 5 }])
  expect(alone.notes).toContain('Keys not used: session_id.')
})

it('reads what AIPerf measured: Unix ns to the last digit, turns of a conversation, failures and warm-up left out', async () => {
  const row = (startNs: string, endNs: string, fields: object = {}, conversation = 'c') =>
    JSON.stringify({
      metadata: { conversation_id: conversation, turn_index: 0, request_start_ns: 1, request_end_ns: 2, ...fields },
      metrics: { input_sequence_length: { value: 50, unit: 'tokens' }, output_sequence_length: { value: 6, unit: 'tokens' } },
      error: null,
    })
      .replace('"request_start_ns":1', `"request_start_ns":${startNs}`)
      .replace('"request_end_ns":2', `"request_end_ns":${endNs}`)
  const lines = [
    row('1780000000000000001', '1780000000500000001', {}, 'other'),
    row('1780000000000000003', '1780000000100000003'),
    row('1780000000350000004', '1780000000400000000'),
    row('1780000000360000004', '1780000000400000000', { benchmark_phase: 'warmup' }),
    row('1780000000370000004', '1780000000400000000').replace('"error":null', '"error":{"code":500}'),
  ]
  const { format, times, session, parent, waitMs, report } = await read(`${lines.join('\n')}\n`)
  expect(format).toBe('aiperf')
  expect(times).toEqual([0, 2, 350_000_003])
  expect(session).toEqual([0, 1, 1])
  expect(parent).toEqual([-1, -1, 1])
  expect(waitMs[2]).toBeCloseTo(250.000001, 9)
  expect(report.skippedByReason).toEqual([
    { reason: 'a request of the warm-up', count: 1 },
    { reason: 'the request failed', count: 1 },
  ])
})

it('refuses an AIPerf file of warm-up alone', async () => {
  await expect(read([{ metadata: { benchmark_phase: 'warmup' }, metrics: {} }])).rejects.toThrow(
    'the only row is not usable: a request of the warm-up',
  )
})

describe('results of benchmarks', () => {
  it('with start times are a trace', async () => {
    const { format, times, isl, osl } = await read([
      { backend: 'vllm', input_lens: [10, 20, 30], output_lens: [1, 2, 3], start_times: [5.5, 6, 7], errors: ['', '', 'boom'] },
    ])
    expect(format).toBe('bench')
    expect([times, isl, osl]).toEqual([
      [0, 5e8],
      [10, 20],
      [1, 2],
    ])
  })
  it('without them are a table of lengths', async () => {
    const { times, notes } = await read([{ input_lens: [10, 20], output_lens: [1, 2], ttfts: [0.1, 0.2] }])
    expect(times).toEqual([0, 0])
    expect(notes).toContain('The result has no start times: it is a table of lengths. Measured latencies are not used.')
    expect(notes).toContain('All requests arrive at the same time: only closed-loop load makes sense.')
  })
  it('of two runs are refused', async () => {
    const run = { input_lens: [10], output_lens: [1] }
    await expect(read([run, run])).rejects.toThrow('the file holds 2 runs with input_lens; one is read')
  })
})

it('reads OpenTelemetry spans in both layouts, tools passed over', async () => {
  const attributes = { 'gen_ai.usage.input_tokens': 70, 'gen_ai.usage.output_tokens': 8 }
  const span = (startNs: string, endNs: string, used: object) => ({
    traceId: 't',
    startTimeUnixNano: startNs,
    endTimeUnixNano: endNs,
    attributes: Object.entries(used).map(([key, value]) => ({ key, value: { intValue: String(value) } })),
  })
  const otlp = {
    resourceSpans: [
      {
        scopeSpans: [
          {
            spans: [
              span('1780000000000000001', '1780000000000000101', attributes),
              span('1780000000000000102', '1780000000000000103', { 'gen_ai.tool.name': 1 }),
              span('1780000000000000201', '1780000000000000301', attributes),
            ],
          },
        ],
      },
    ],
  }
  const fromOtlp = await read(JSON.stringify(otlp, null, 2))
  expect(fromOtlp.format).toBe('otel')
  expect([fromOtlp.times, fromOtlp.parent, fromOtlp.waitMs]).toEqual([
    [0, 200],
    [-1, 0],
    [0, 100 / 1e6],
  ])
  const flat = (start: string, end: string) => ({
    name: 'chat',
    context: { trace_id: 'x' },
    start_time: start,
    end_time: end,
    attributes,
  })
  const spans = [
    flat('2026-05-01T00:00:00.5Z', '2026-05-01T00:00:01Z'),
    flat('2026-05-01T00:00:03.000000001Z', '2026-05-01T00:00:04Z'),
  ]
  const endedByReturns = spans.map((span) => `${JSON.stringify(span)}\r`).join('')
  for (const fromFlat of [await read(spans), await read(endedByReturns)]) {
    expect([fromFlat.times, fromFlat.waitMs]).toEqual([
      [0, 2_500_000_001],
      [0, 2000.000001],
    ])
  }
  const lines = spans.map((span) => JSON.stringify(span))
  expect((await read(`\uFEFF${lines.join('\n')}`)).times).toHaveLength(2)
  await expect(read(`\n\n${lines[0]}\n\n${lines[1].slice(0, -9)}\n${lines[1]}\n`)).rejects.toMatchObject({
    faults: [{ where: expect.stringMatching(/:5$/), message: expect.stringContaining('breaks off or is damaged here') }],
  })
})

it('takes no OpenTelemetry span of an agent, a tool or an embedding for a request', async () => {
  const span = (at: number, operation: object, used = 100) => ({
    context: { trace_id: 'x' },
    start_time: `2026-05-01T00:00:0${at}Z`,
    end_time: `2026-05-01T00:00:0${at}.5Z`,
    attributes: { 'gen_ai.usage.input_tokens': used, 'gen_ai.usage.output_tokens': 7, ...operation },
  })
  const called = (name: string) => ({ 'gen_ai.operation.name': name })
  const agent = span(0, called('invoke_agent'), 400)
  const { isl, report, notes } = await read([
    agent,
    span(1, called('chat')),
    span(2, called('execute_tool')),
    span(3, called('text_completion')),
    span(4, called('generate_content')),
    span(5, {}),
    span(6, called('embeddings')),
    agent,
  ])
  expect(isl).toEqual([100, 100, 100, 100])
  expect(report.skippedByReason).toEqual([
    { reason: 'the operation invoke_agent generates no text of its own', count: 2 },
    { reason: 'the operation execute_tool generates no text of its own', count: 1 },
    { reason: 'the operation embeddings generates no text of its own', count: 1 },
  ])
  expect(report).toMatchObject({ rowsRead: 8, rowsSkipped: 4 })
  expect(notes).toContain('4 requests among 8 spans, in 1 trace, each taken as a session.')
  await expect(read([agent])).rejects.toThrow(
    'the only row is not usable: the operation invoke_agent generates no text of its own',
  )
})

it('reads tables of lengths without times', async () => {
  const { format, times, isl, notes } = await read('num_prefill_tokens,num_decode_tokens,num_total_tokens\n30,4,34\n50,6,56\n')
  expect(format).toBe('lengths')
  expect([times, isl]).toEqual([
    [0, 0],
    [30, 50],
  ])
  expect(notes.join()).toMatch(/No column has the name of a time.*--columns time=NAME/)
  expect((await read('prompt_tokens,completion_tokens\n30,4\n')).notes).toContain(
    'The file has no times: it is a table of lengths.',
  )
})

it.each(['created_at', 'created', 'sent_at', 'Received At'])(
  'reads the times of %s beside columns that a table of lengths may have',
  async (name) => {
    const { format, times } = await read(`id,${name},prompt_tokens,completion_tokens\n7,1760000000,30,4\n8,1760000002,50,6\n`)
    expect(format).toBe('csv')
    expect(times).toEqual([0, 2e9])
  },
)

describe('sessions in the form of WEKA', () => {
  const request = (t: number, fields: object = {}) => ({
    t,
    type: 'n',
    in: 200,
    out: 5,
    api_time: 2,
    think_time: 1,
    hash_ids: [1, 2, 3],
    ...fields,
  })
  const session = (requests: readonly object[], fields: object = {}) => ({
    id: 'a',
    block_size: 64,
    hash_id_scope: 'local',
    ...fields,
    requests,
  })

  it('skips a request with more blocks than any prompt has, and ids beyond all numbers', async () => {
    const long = { in: 2_000_000_000, hash_ids: undefined }
    const document = JSON.stringify(
      session(
        [
          request(0),
          request(9, { ...long, hash_runs: [0, 1_999_999_999] }),
          request(19, { in: 320, hash_ids: undefined, hash_runs: [111, 5] }),
          request(29),
        ],
        { tool_tokens: 2_000_000_000 },
      ),
    ).replace('[111,5]', '[9.007199254740991e15,5]')
    for (const shareSystemPrompt of [false, true]) {
      const { workload, report } = await read(`${document}\n`, { shareSystemPrompt })
      expect(workload.count).toBe(2)
      expect(report.skippedByReason.map(({ reason }) => reason)).toEqual([
        'hash_runs are more than 1048576 blocks',
        'hash_runs has an id above 2^53',
      ])
    }
  })

  it('chain their requests with their think times', async () => {
    const { format, times, parent, waitMs, ids, workload } = await read([
      session([request(0, { think_time: 0 }), request(9, { think_time: 7, hash_ids: [1, 2, 9] })]),
      session([request(0)], { id: 'b' }),
    ])
    expect(format).toBe('weka')
    expect(times).toEqual([0, NAN, 0])
    expect(parent).toEqual([-1, 0, -1])
    expect(waitMs).toEqual([0, 7000, 0])
    expect(ids).toEqual([
      [0, 1, 2],
      [0, 1, 3],
      [4, 5, 6],
    ])
    expect(workload.blockTokens).toBe(64)
  })

  it('fork into sub-agents and join them, nested ones too', async () => {
    const inner = { type: 'subagent', t: 4, duration_ms: 1000, requests: [request(0, { in: 500 })] }
    const agents = [
      {
        type: 'subagent',
        t: 10,
        duration_ms: 7500,
        requests: [request(0, { in: 300, think_time: 0 }), inner, request(5, { in: 301 })],
      },
      { type: 'subagent', t: 14, duration_ms: 11_500, requests: [request(0, { in: 400, think_time: 0 })] },
    ]
    const { isl, parent, joins, waitMs } = await read([session([request(0), ...agents, request(20, { think_time: 18 })])])
    const row = (tokens: number) => isl.indexOf(tokens)
    const last = isl.lastIndexOf(200)
    expect(parent[row(300)]).toBe(0)
    expect(parent[row(500)]).toBe(row(300))
    expect(parent[row(301)]).toBe(row(300))
    expect(parent[last]).toBe(0)
    expect([joins[row(500)], joins[row(301)], joins[row(400)]]).toEqual([row(301), last, last])
    // the sub-agents start half a second after the first answer at 2 s; the next request waits 6 s after the later of them, not 18
    expect([waitMs[row(300)], waitMs[row(400)], waitMs[last]]).toEqual([500, 500, 6000])
  })

  it('wait for the answer before a fork too, where that ends last', async () => {
    const agent = { type: 'subagent', t: 1, requests: [request(0)] }
    const { waitMs } = await read([session([request(0), agent, request(20)])])
    expect(waitMs).toEqual([0, 1000, 18_000])
  })

  it('share the blocks of equal tools and system prompts when asked to', async () => {
    // two blocks of 64 tokens and a part of a third
    const prompt = { tool_tokens: 100, system_tokens: 40 }
    const rows = [
      session([request(0)], prompt),
      session([request(0)], prompt),
      session([request(0)], { tool_tokens: 64, system_tokens: 0 }),
    ]
    expect((await read(rows)).ids).toEqual([
      [0, 1, 2],
      [3, 4, 5],
      [6, 7, 8],
    ])
    const { ids, notes } = await read(rows, { shareSystemPrompt: true })
    expect(ids).toEqual([
      [0, 1, 2],
      [0, 1, 3],
      [4, 5, 6],
    ])
    expect(notes).toContain('Sessions with equal numbers of tool and system tokens share these: 2 different prompts.')
  })

  it('are read from documents of many lines and from a list, as from lines', async () => {
    const rows = [session([request(0), request(5)]), session([request(0)], { id: 'b' })]
    const plain = await read(rows)
    const shape = ({ isl, parent, ids, waitMs }: typeof plain) => ({ isl, parent, ids, waitMs })
    expect(shape(await read(rows.map((row) => `${JSON.stringify(row, null, 1)}\n`).join('')))).toEqual(shape(plain))
    expect(shape(await read(JSON.stringify(rows)))).toEqual(shape(plain))
  })

  it('may have texts that look like structure', async () => {
    const odd = session([request(0, { model: 'a"}]}{[\\' }), request(5, { stop: '\\"requests": [' })], {
      id: '{"requests": [1]}\\',
    })
    const { isl, report } = await read([odd, odd])
    expect([isl.length, report.rowsSkipped]).toEqual([4, 0])
  })

  it('lose one document when it breaks off, and say where', async () => {
    const whole = JSON.stringify(session([request(0), request(5)]))
    const { report, isl } = await read(`${whole}\n${whole.slice(0, whole.length - 60)}\n${whole}\n`)
    expect(isl.length).toBe(5)
    expect(report.firstSkipped).toEqual([{ line: 2, reason: 'the session is broken off', within: 'session a' }])
  })

  it('need what concerns all requests before them', async () => {
    const { block_size, ...rest } = session([request(0)]) as Record<string, unknown>
    await expect(read([{ ...rest, block_size }])).rejects.toThrow('in session a the key block_size comes after the requests')
  })

  it('need ids of their own scope and one size of block', async () => {
    await expect(read([session([request(0)], { hash_id_scope: 'global' })])).rejects.toThrow("hash_id_scope is not 'local'")
    const { report } = await read([session([request(0)]), session([request(0)], { block_size: 32 })])
    expect(report.skippedByReason).toEqual([{ reason: 'block_size is 32, but 64 in the sessions before', count: 1 }])
  })
})

describe('files that are no trace of requests', () => {
  it.each([
    [
      '{"num_turns": 3, "input_prompt_length": 5, "assistant_response_length": [1]}\n',
      /agent runs as Applied Compute publishes them/,
    ],
    ['[{"id": "x", "conversations": [{"from": "human", "value": "hi"}]}]', /conversations in text, as ShareGPT/],
    ['{"percentiles": [0], "osl_percentiles": [0], "traces": {}}', /inverse distribution functions of lengths/],
    ['{\n  "0": {\n    "input_tokens": "{}"\n  }\n}', /length distributions of one ServeGen client/],
    ['0,0.15,1.2,Gamma,0.7,8.1\n600,0,0,,0,0\n', /arrival rates of one ServeGen client/],
    ['0,0.15,1.2,Gamma,0.7,8.1\r600,0,0,,0,0\r', /arrival rates of one ServeGen client/],
    ['agent,session,step,t_s,input_chars,output_chars\nm,1,0,0.0,40,8\n', /lengths in characters, not in tokens/],
  ])('are refused by what they are: %s', async (content, message) => {
    await expect(read(content)).rejects.toThrow(message)
  })
})

it('are all in the table of docs/TRACES.md, and nothing else is', () => {
  const page = readFileSync(new URL('../docs/TRACES.md', import.meta.url), 'utf8')
  const table = page.slice(page.indexOf('| format | what it is |')).split('\n\n')[0]
  const named = [...table.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name)
  expect(named.sort()).toEqual([...FORMAT_NAMES].sort())
})

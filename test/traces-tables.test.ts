/** Tables of requests: columns beyond time and lengths, known kinds of CSV, and columns that the user names. Rows after the documented columns. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { UserError } from '../src/errors.js'
import { blockIdsOf, type ReadOptions, readTrace, workloadFault } from '../src/traces/index.js'

const folder = mkdtempSync(join(tmpdir(), 'traces-tables-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function read(lines: readonly string[], options: Partial<ReadOptions> = {}) {
  const path = join(folder, 'table.csv')
  writeFileSync(path, `${lines.join('\n')}\n`)
  return readTrace(path, { spreadTicks: false, ...options })
}

const refusal = async (lines: readonly string[], options: Partial<ReadOptions> = {}) => {
  const error = await read(lines, options).catch((reason: unknown) => reason)
  if (error instanceof UserError) return error.faults[0]
  throw new Error(`read, or ${String(error)}`)
}

describe('known kinds', () => {
  it('Vidur', async () => {
    const { workload, report } = await read(['arrived_at,num_prefill_tokens,num_decode_tokens', '3.5,10,2', '4,20,3'])
    expect(report.format).toBe('vidur')
    expect([...workload.arrivalNs, ...workload.isl, ...workload.osl]).toEqual([0, 5e8, 10, 20, 2, 3])
    expect(report.notes.join()).not.toMatch(/taken to be in seconds/)
  })

  it('Splitwise: applications are tenants, types are classes', async () => {
    const { workload, report } = await read([
      'request_id,request_type,application_id,arrival_timestamp,batch_size,prompt_size,token_size',
      '0,2,7,0.25,1,100,5',
      '1,1,9,0.5,1,200,6',
    ])
    expect(report.format).toBe('splitwise')
    expect(workload).toMatchObject({ tenant: Int32Array.of(7, 9), classId: Uint16Array.of(2, 1), session: null, parent: null })
    expect(report.notes).toContain('Columns not used: request_id, batch_size.')
  })

  it('BurstGPT: failures are skipped; with and without sessions', async () => {
    const older = [
      'Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type',
      '5,ChatGPT,472,18,490,Conversation log',
      '45,GPT-4,1087,0,1087,API log',
      '118,GPT-4,417,276,693,API log',
    ]
    const { workload, report } = await read(older)
    expect(report).toMatchObject({ format: 'burstgpt', rowsSkipped: 1 })
    expect(workload).toMatchObject({
      count: 2,
      session: null,
      names: { tenant: ['ChatGPT', 'GPT-4'], class: ['Conversation log', 'API log'] },
    })
    expect([...workload.arrivalNs]).toEqual([0, 113e9])
    const newer = await read([
      'Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type',
      '5,81,3.2,ChatGPT,472,18,490,Conversation log',
      '9,81,1,ChatGPT,500,7,507,Conversation log',
      '10,,1,GPT-4,50,7,57,API log',
    ])
    expect(newer.workload.session).toEqual(Int32Array.of(0, 0, -1))
  })

  it('BLIS TraceV2: behind its YAML header or alone', async () => {
    const table = [
      'request_id,client_id,tenant_id,slo_class,session_id,round_index,prefix_group,prefix_length,input_tokens,output_tokens,arrival_time_us,think_time_us',
      '0,c,acme,critical,s,0,,0,100,5,1000,0',
      '1,c,acme,batch,,0,,0,50,6,1500,0',
      '2,c,other,critical,s,1,,0,120,7,9000,2500',
    ]
    const { workload, report } = await read(['trace_version: 2', 'server:', '  block_size: 16', ...table])
    expect(report.format).toBe('blis')
    expect([...workload.arrivalNs]).toEqual([0, 5e5, 8e6])
    expect(workload).toMatchObject({
      session: Int32Array.of(0, -1, 0),
      parent: Int32Array.of(-1, -1, 0),
      waitNs: Float64Array.of(0, 0, 2.5e6),
      names: { tenant: ['acme', 'other'], class: ['critical', 'batch'] },
    })
    expect((await read(table)).workload).toEqual(workload)
    expect(report.notes).toContain('prefix_group and prefix_length are not used: prompts share no prefix blocks.')
  })

  it('Azure 2024 with a zone, and multimodal', async () => {
    const { workload, report } = await read([
      'TIMESTAMP,NumImages,ContextTokens,GeneratedTokens',
      '2024-05-10 00:00:00.009930+00:00,1,2162,5',
      '2024-05-10 02:00:00.0100001+02:00,0,2399,6',
    ])
    expect(report.format).toBe('azure')
    expect([...workload.arrivalNs]).toEqual([0, 70_100])
    expect(report.notes).toContain('NumImages is not used: the tokens of images are counted in ContextTokens.')
  })
})

describe('of several columns that may have a role', () => {
  const columnsOf = async (header: string, options: Partial<ReadOptions> = {}) => {
    const row = header.split(',').map((_, i) => String(i + 1))
    const { report } = await read([header, row.join(',')], options)
    return /^Columns: (.*)\.$/.exec(report.notes.find((note) => note.startsWith('Columns: ')) ?? '')?.[1]
  }

  it.each([
    ['request,arrival_s,input_tokens,output_tokens', 'arrival_s, input_tokens, output_tokens'],
    ['timestamp,response,prompt_tokens,completion_tokens', 'timestamp, prompt_tokens, completion_tokens'],
    ['id,generation,context,timestamp,input_tokens,output_tokens', 'timestamp, input_tokens, output_tokens'],
    ['context,response,arrival_s,isl,osl', 'arrival_s, isl, osl'],
    ['request,prompt_len,response,answer_len,arrival_s', 'arrival_s, prompt_len, answer_len'],
    ['request_size,response_size,request_tokens,response_tokens,arrival_s', 'arrival_s, request_tokens, response_tokens'],
    ['prefill_tokens,prompt_tokens,answer_tokens,output_tokens,arrival_s', 'arrival_s, prompt_tokens, output_tokens'],
    ['request,response,input,output,time', 'time, input, output'],
    ['request_time,time,timestamp,isl,osl', 'timestamp, isl, osl'],
    ['time,created_at,arrival_ms,isl,osl', 'arrival_ms, isl, osl'],
    ['TIMESTAMP,PromptTokens,ContextTokens,OutputTokens,GeneratedTokens', 'TIMESTAMP, ContextTokens, GeneratedTokens'],
  ])('the one that can mean little else is read: %s', async (header, expected) => {
    const [time, input, output] = expected.split(', ')
    const expectedText = `time = ${time}, input tokens = ${input}, output tokens = ${output}`
    expect(await columnsOf(header)).toBe(expectedText)
    expect(await columnsOf(header.split(',').reverse().join(','))).toBe(expectedText)
  })

  it.each([
    ['chat,session_id', 'session = session_id'],
    ['client,tenant,tenant_id,client_id', 'tenant = tenant_id'],
    ['slo_class,class', 'class = class'],
    ['id,request,request_id,parent,parent_id', 'request = request_id, parent = parent_id'],
    ['session,wait_s,think_time_ms', 'session = session, wait = think_time_ms'],
    ['session,cached_tokens,prefix_tokens', 'session = session, prefix = prefix_tokens'],
  ])('so beyond time and lengths: %s', async (header, expected) => {
    const base = 'time = arrival_s, input tokens = isl, output tokens = osl'
    expect(await columnsOf(`arrival_s,isl,osl,${header}`)).toBe(`${base}, ${expected}`)
    expect(await columnsOf(`arrival_s,isl,osl,${header.split(',').reverse().join(',')}`)).toBe(`${base}, ${expected}`)
  })

  it('the first where nothing hangs on which, and a timestamp before other times', async () => {
    const base = 'input tokens = isl, output tokens = osl'
    expect(await columnsOf('created_at,timestamp,isl,osl,session_id,chat_id')).toBe(
      `time = timestamp, ${base}, session = session_id`,
    )
  })

  it.each([
    ['arrival_s,input_tokens,PromptTokens,osl', 'input', 'columns input_tokens and PromptTokens may each be the input tokens'],
    ['arrival_s,isl,osl,output_tokens', 'output', 'columns osl and output_tokens may each be the output tokens'],
    ['created_at,sent_at,isl,osl', 'time', 'columns created_at and sent_at may each be the arrival time'],
    ['arrival_ms,arrival_s,isl,osl', 'time', 'columns arrival_ms and arrival_s may each be the arrival time'],
  ])('none is read where their names tell it alike, unless it is named: %s', async (header, role, message) => {
    expect(await refusal([header, '1,2,3,4,5'])).toEqual({
      where: `${join(folder, 'table.csv')}:1`,
      message: `${message}, and the file does not say which of them to read`,
      hint: `name the one to read: workload.read.columns.${role}=NAME (trace commands: --columns ${role}=NAME)`,
    })
    const name = message.split(' ')[3]
    expect(await columnsOf(header, { columns: { [role]: name } })).toContain(` = ${name}`)
  })

  it('none that says nothing without another is in doubt', async () => {
    expect(await columnsOf('arrival_s,isl,osl,delay,wait,cached_tokens,cached_length')).not.toContain('wait')
  })
})

describe('columns beyond time and lengths', () => {
  it('are known by their names: client is a tenant', async () => {
    const { workload, report } = await read([
      't_s,client,input_tokens,output_tokens,reason_tokens',
      '0.0156,48,260,724,656',
      '0.3577,20,263,255,242',
    ])
    expect(workload).toMatchObject({ tenant: Int32Array.of(48, 20), names: { tenant: null, class: null } })
    expect(report.notes).toContain(
      'Columns: time = t_s, input tokens = input_tokens, output tokens = output_tokens, tenant = client.',
    )
  })

  it('a prefix length of BLIS, which counts for a group and not for a session, makes no blocks', async () => {
    const { workload, report } = await read([
      'request_id,tenant_id,session_id,round_index,prefix_group,prefix_length,input_tokens,output_tokens,arrival_time_us',
      'r0,t,s,0,g,64,100,1,0',
      'r1,t,s,1,g,64,200,1,10',
    ])
    expect(report.notes).toContain('prefix_group and prefix_length are not used: prompts share no prefix blocks.')
    expect(report.notes.join()).toMatch(/Columns not used: .*prefix_length/)
    expect(workload.runFirst).toBeNull()
  })

  it('a time that the user names is read, whatever it is called', async () => {
    const rows = ['at,input_tokens,output_tokens', '10,5,1', '12.5,6,2']
    const { workload, report } = await read(rows, { columns: { time: 'at' } })
    expect(report.format).toBe('csv')
    expect(workload.arrivalNs).toEqual(Float64Array.of(0, 2.5e9))
    expect((await read(rows)).report.format).toBe('lengths')
    expect((await refusal(rows, { from: 'lengths', columns: { time: 'at' } })).message).toBe(
      'a column of times was named, but the format lengths has none',
    )
  })

  it('a wait that does not say its unit is in that of the times', async () => {
    const table = (header: string) => [header, '0,10,5,a,0', '1000,20,5,a,500']
    const sentence = 'Waits are taken to be in the unit of the times: their column does not say.'
    const named = await read(table('arrival_ms,isl,osl,session,delay'))
    expect(named.workload.waitNs).toEqual(Float64Array.of(0, 500e6))
    expect(named.report.notes).toContain(sentence)
    const chosen = await read(table('at,isl,osl,session,delay'), { columns: { time: 'at', timeUnit: 'us' } })
    expect(chosen.workload.waitNs).toEqual(Float64Array.of(0, 500e3))
    const said = await read(table('arrival_ms,isl,osl,session,delay_us'))
    expect(said.workload.waitNs).toEqual(Float64Array.of(0, 500e3))
    expect(said.report.notes).not.toContain(sentence)
  })

  it('a wait without a time releases the next turn of its session', async () => {
    const rows = [
      'arrival_ms,input_tokens,output_tokens,session_id,think_time_s,priority_name',
      '0,10,1,a,,x',
      '5,10,1,b,,y',
      ',20,2,a,1.5,x',
      ',30,3,a,0.25,x',
    ]
    const { workload } = await read(rows, { columns: { class: 'priority_name' } })
    expect([...(workload.session ?? [])]).toEqual([0, 1, 0, 0])
    expect([...(workload.parent ?? [])]).toEqual([-1, -1, 0, 2])
    expect([...(workload.waitNs ?? [])]).toEqual([0, 0, 1.5e9, 0.25e9])
    expect([...workload.arrivalNs]).toEqual([0, 5e6, Number.NaN, Number.NaN])
    expect(workload.names.class).toEqual(['x', 'y'])
  })

  it('a prefix length gives the session shared blocks', async () => {
    const rows = ['arrival_s,isl,osl,session,cached_tokens', '0,64,9,a,0', '1,100,9,a,64', '2,64,9,b,64', '3,90,9,a,40']
    const { workload, report } = await read(rows)
    expect(workload.blockTokens).toBe(16)
    expect([0, 1, 2, 3].map((i) => [...blockIdsOf(workload, i)])).toEqual([
      [0, 1, 2, 3],
      [0, 1, 2, 3, 4, 5],
      [6, 7, 8, 9],
      [0, 1, 10, 11, 12],
    ])
    expect(report.notes).toContain('Prefix blocks of 16 tokens were rebuilt from the prefix lengths, within each session.')
    expect((await read(rows, { blockTokens: 32 })).workload.runFirst?.[0]).toBe(0)
  })

  it('parents and joins go by the ids of requests, in any order', async () => {
    const { workload, report } = await read([
      'request_id,parent_id,joins,arrival_s,isl,osl,wait_ms',
      'z,,,0,10,1,',
      'late,y,,,30,3,2.5',
      'y,z,,,20,2,1',
      'w,z,late,,25,2,0',
      'odd,nobody,,7,5,5,',
    ])
    expect([...workload.isl]).toEqual([10, 20, 25, 30, 5])
    expect([...(workload.parent ?? [])]).toEqual([-1, 0, 0, 1, -1])
    expect([...(workload.joins ?? [])]).toEqual([-1, -1, 3, -1, -1])
    expect([...(workload.joinCount ?? [])]).toEqual([0, 1, 1, 2, 0])
    expect(report.notes).toContain('1 row names a request that the file does not have, or that could not be read.')
  })

  describe('of failed requests', () => {
    const table = async (lines: readonly string[]) => {
      const { workload, report } = await read(lines)
      expect(workloadFault(workload)).toBeNull()
      const { isl, arrivalNs, session, parent, waitNs, joins, joinCount } = workload
      const [timesMs, waitsMs] = [arrivalNs, waitNs ?? []].map((column) => Array.from(column, (ns) => ns / 1e6))
      const [sessions, parents, joined, due] = [session, parent, joins, joinCount].map((column) => [...(column ?? [])])
      return { report, isl: [...isl], timesMs, waitsMs, sessions, parents, joined, due }
    }
    const FAILED = 'output tokens are 0: a failed request'

    it('the next turn of the session takes the wait over, and of a first one the time', async () => {
      const read = await table([
        'arrival_ms,isl,osl,session,wait_ms',
        '5,10,0,a,',
        ',20,0,a,3',
        '7,10,1,b,',
        ',30,1,a,4',
        ',40,0,a,100',
        ',50,,a,10',
        ',60,1,a,1',
        '90,70,0,b,20',
        '100,80,1,b,2',
        '200,10,0,c,6',
        '210,20,1,c,5',
      ])
      expect(read.timesMs).toEqual([0, 5, Number.NaN, 93, 203])
      expect(read.isl).toEqual([10, 30, 60, 80, 20])
      expect(read.sessions).toEqual([0, 1, 1, 0, 2])
      expect(read.parents).toEqual([-1, -1, 1, 0, -1])
      expect(read.waitsMs).toEqual([0, 0, 111, 22, 0])
      expect(read.report.skippedByReason).toEqual([
        { reason: FAILED, count: 5 },
        { reason: 'output tokens are missing', count: 1 },
      ])
    })

    it('one that joins nobody hands no join on, whatever the others are called', async () => {
      const read = await table([
        'id,parent,joins,arrival_ms,isl,osl,wait_ms',
        'a,,,1,1,1,',
        'b,a,,,20,2,',
        'f,b,,,30,0,',
        ',,,50,40,4,',
      ])
      expect(read.joined).toEqual([-1, -1, -1])
    })

    it('who continues one continues what that one continued', async () => {
      const read = await table([
        'id,parent,joins,arrival_ms,isl,osl,wait_ms',
        'r,,,1,1,1,',
        'a,,,0,10,0,9',
        'c,b,,,30,3,4',
        'b,a,,,20,0,3',
        'd,c,,,40,0,5',
        's,c,d,,50,5,1',
        't,c,u,,60,6,2',
        'v,t,d,,70,0,8',
        'u,d,,,80,8,6',
        'w,d,,,90,9,7',
      ])
      // c comes 3 and 4 ms after the time of a; u is what s joins, and v's thread ends with t
      expect(read.isl).toEqual([1, 30, 50, 60, 80, 90])
      expect(read.timesMs).toEqual([0, 6, Number.NaN, Number.NaN, Number.NaN, Number.NaN])
      expect(read.parents).toEqual([-1, -1, 1, 1, 1, 1])
      expect(read.waitsMs).toEqual([0, 0, 1, 2, 11, 12])
      expect(read.joined).toEqual([-1, -1, 4, 4, -1, -1])
      expect(read.due).toEqual([0, 0, 1, 1, 3, 1])
      expect(read.report.skippedByReason).toEqual([{ reason: FAILED, count: 4 }])
    })

    it('the end of a thread that would join is the one before it', async () => {
      const read = await table(['id,parent,joins,arrival_s,isl,osl', 'a,,,0,1,1', 's,a,,,2,1', 'x,s,b,,3,0', 'b,a,,,4,1'])
      expect([read.isl, read.joined]).toEqual([
        [1, 2, 4],
        [-1, 2, -1],
      ])
    })

    it('who waits for one that waits in vain is left out, and its reason is no lie', async () => {
      const lines = [
        'id,parent,arrival_s,isl,osl',
        'a,,0,10,5',
        'b,nobody,,20,0',
        'c,b,,30,5',
        'd,e,,4,0',
        'e,d,,4,0',
        'f,e,,4,1',
      ]
      const { report, isl } = await table(lines)
      expect(isl).toEqual([10])
      expect(report.skippedByReason).toEqual([
        { reason: FAILED, count: 3 },
        { reason: 'waits for a request that is not in the file, or was skipped', count: 2 },
      ])
    })
  })

  it('of a length that is a slip of the pen get names for their leading blocks alone', async () => {
    const { workload } = await read(['arrival_s,isl,osl,session,cached_tokens', '0,2147483647,9,a,0', '1,64,9,a,64'])
    expect(blockIdsOf(workload, 0).length).toBe(2 ** 20)
    expect([...blockIdsOf(workload, 1)]).toEqual([0, 1, 2, 3])
  })

  it('that say nothing are refused when chosen, and not used otherwise', async () => {
    const rows = ['arrival_s,isl,osl,parent,cached_tokens', '0,1,1,,1', '1,1,1,0,1']
    expect((await read(rows)).report.notes).toContain('Columns not used: parent, cached_tokens.')
    expect(await refusal(rows, { columns: { parent: 'parent' } })).toMatchObject({
      message: 'a parent column says nothing without a request column',
    })
    expect((await refusal(rows, { columns: { prefix: 'cached_tokens' } })).message).toBe(
      'a prefix column says nothing without a session column',
    )
    expect((await refusal(rows, { columns: { tenant: 'who' } })).message).toBe(
      "there is no tenant column 'who'; the columns are arrival_s, isl, osl, parent, cached_tokens",
    )
  })

  it('with bad cells skip their row; two requests of one id are refused', async () => {
    const rows = [
      'arrival_s,isl,osl,session,wait_s,cached_tokens',
      '0,9,1,a,soon,0',
      '1,9,1,a,-1,0',
      '2,9,1,a,1,1.5',
      '3,9,1,a,1,2',
      ',9,1,,1,2',
      '4,9,1,a,1e400,2',
    ]
    const { workload, report } = await read(rows)
    expect(workload.count).toBe(1)
    expect(report.skippedByReason).toEqual([
      { reason: 'the wait is no time of 0 or more', count: 3 },
      { reason: 'the prefix is no number of tokens', count: 1 },
      { reason: 'time is missing', count: 1 },
    ])
    expect((await refusal(['arrival_s,isl,osl,id,parent', '0,1,1,a,', '1,1,1,a,'])).message).toBe("two requests have the id 'a'")
  })

  it('in quotes may hold separators and quotes', async () => {
    const { workload } = await read(['arrival_s,isl,osl,tenant', '0,1,1,"a ""b"", c"', '1,1,1, d '])
    expect(workload.names.tenant).toEqual(['a "b", c', 'd'])
  })
})

/** Traces written in every format: what is in the files, what a format refuses to lose, and nothing half-written. */
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  lstatSync,
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
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { parquetMetadata, parquetReadObjects } from 'hyparquet'
import { afterAll, describe, expect, it } from 'vitest'
import { UserError } from '../src/errors.js'
import { blockIdsOf, createBlockBuilder } from '../src/traces/blocks.js'
import { COLUMN_NAMES } from '../src/traces/contentColumns.js'
import { readTrace, shapesOnly, traceHash, type Workload, type WriteOptions, writeWorkload } from '../src/traces/index.js'
import { unitsOf } from '../src/traces/sessions.js'
import { withoutParts } from '../src/traces/write/parts.js'
import { targetOf } from '../src/traces/write/targets.js'
import { plain, workloads } from './anyWorkload.js'

const folder = mkdtempSync(join(tmpdir(), 'traces-write-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const builder = createBlockBuilder()
for (const ids of [[0, 1], [0, 1, 2, 7], [], [3]]) {
  builder.next()
  for (const id of ids) builder.push(id)
}
/** Requests 1 and 2 fork from 0; 3 waits for both. */
const full: Workload = {
  ...plain,
  arrivalNs: Float64Array.of(1_500_000, Number.NaN, Number.NaN, Number.NaN),
  classId: Uint16Array.of(0, 1, 1, 0),
  tenant: Int32Array.of(4, 4, -1, 0),
  session: Int32Array.of(0, 0, -1, 0),
  parent: Int32Array.of(-1, 0, 0, 1),
  waitNs: Float64Array.of(0, 2_000_000_001, 0, 7),
  joins: Int32Array.of(-1, -1, 3, -1),
  joinCount: Int32Array.of(0, 1, 1, 2),
  ...builder.columns(),
  blockTokens: 4,
  names: { tenant: ['own "shop"'], class: ['chat', 'batch, slow'] },
}

async function written(name: string, workload: Workload, options: WriteOptions): Promise<Buffer> {
  const path = join(folder, name)
  await writeWorkload(path, workload, options)
  return readFileSync(path)
}

const faultOf = async (name: string, workload: Workload, options: WriteOptions) => {
  const error = await writeWorkload(join(folder, name), workload, options).catch((reason: unknown) => reason)
  if (error instanceof UserError) return error.faults[0]
  throw new Error(`written, or ${String(error)}`)
}

describe('CSV', () => {
  it('has three named columns and nine decimals', async () => {
    expect((await written('plain.csv', plain, { to: 'csv' })).toString()).toBe(
      'arrival_s,input_tokens,output_tokens\n0.000000000,10,1\n0.000000005,20,2\n0.000000005,30,3\n9.000000000,40,4\n',
    )
  })

  it('has the other columns that the workload has', async () => {
    expect((await written('full.csv', full, { to: 'csv', drop: ['blocks'] })).toString().split('\n')).toEqual([
      'arrival_s,input_tokens,output_tokens,tenant,class,session,request,parent,wait_s,joins',
      '0.001500000,10,1,4,chat,0,0,,0.000000000,',
      ',20,2,4,"batch, slow",0,1,0,2.000000001,',
      ',30,3,,"batch, slow",,2,0,0.000000000,3',
      ',40,4,"own ""shop""",chat,0,3,1,0.000000007,',
      '',
    ])
  })

  it.each([
    ['a\nb', 'a CSV line cannot hold the line break in the name of tenant "a\\nb"'],
    ['', 'a CSV line cannot hold the empty name of a tenant'],
  ])('cannot hold the name %j', async (name, message) => {
    const broken = { ...plain, tenant: Int32Array.of(0, 0, 0, 0), names: { tenant: [name], class: null } }
    expect(await faultOf('x.csv', broken, { to: 'csv' })).toEqual({
      where: join(folder, 'x.csv'),
      message,
      hint: 'write a .swt or .parquet trace, or add --drop tenants',
    })
  })
})

describe('Mooncake', () => {
  it('has ms with their fraction', async () => {
    expect((await written('plain.jsonl', plain, { to: 'mooncake' })).toString().split('\n')).toEqual([
      '{"timestamp":0,"input_length":10,"output_length":1}',
      '{"timestamp":0.000005,"input_length":20,"output_length":2}',
      '{"timestamp":0.000005,"input_length":30,"output_length":3}',
      '{"timestamp":9000,"input_length":40,"output_length":4}',
      '',
    ])
  })

  it('has sessions of turns and the ids of all blocks', async () => {
    const chain: Workload = {
      ...full,
      parent: Int32Array.of(-1, 0, -1, 1),
      arrivalNs: Float64Array.of(0, Number.NaN, 3e6, Number.NaN),
      joins: null,
      joinCount: null,
    }
    expect(
      (await written('chain.jsonl', chain, { to: 'mooncake', drop: ['classes', 'tenants'] })).toString().split('\n'),
    ).toEqual([
      '{"session_id":"0","timestamp":0,"input_length":10,"output_length":1,"block_size":4,"hash_ids":[0,1]}',
      '{"session_id":"0","delay":2000.000001,"input_length":20,"output_length":2,"hash_ids":[0,1,2,7]}',
      '{"timestamp":3,"input_length":30,"output_length":3,"hash_ids":[]}',
      '{"session_id":"0","delay":0.000007,"input_length":40,"output_length":4,"hash_ids":[3]}',
      '',
    ])
  })

  it('has the tokens per block where the numbers of ids do not tell them', async () => {
    const blocksOf = (isl: number, blockTokens: number): Workload => {
      const ids = createBlockBuilder()
      plain.isl.forEach((_, i) => {
        ids.next()
        ids.pushRun(0, i === 0 ? 0 : Math.ceil(isl / blockTokens))
      })
      return { ...plain, isl: plain.isl.map(() => isl), ...ids.columns(), blockTokens }
    }
    const sizes = async (workload: Workload) =>
      [...(await written('blocks.jsonl', workload, { to: 'mooncake' })).toString().matchAll(/.*"block_size":(\d+)/g)].map(
        ([line, size]) => [/"timestamp":[\d.]+/.exec(line)?.[0], size],
      )
    expect(await sizes(blocksOf(4000, 48))).toEqual([['"timestamp":0.000005', '48']])
    // one block of each: as many as of 512 tokens
    expect(await sizes(blocksOf(20, 32))).toEqual([['"timestamp":0.000005', '32']])
    expect(await sizes(blocksOf(4000, 512))).toEqual([])
    expect(await sizes(blocksOf(4000, 16))).toEqual([])
  })

  it('cannot hold a fork, or a session of which nobody knows who waited for whom', async () => {
    const rest = { ...full, joins: null, joinCount: null }
    const options = { to: 'mooncake', drop: ['classes', 'tenants'] } as const
    const form = "in Mooncake's form a request waits for the one before it in its session"
    expect(await faultOf('x.jsonl', rest, options)).toMatchObject({
      message: `${form}; request 2 waits for request 0`,
      hint: 'write a .swt or .parquet trace instead',
    })
    const recorded = { ...rest, arrivalNs: plain.arrivalNs, parent: null, waitNs: null }
    expect(await faultOf('x.jsonl', recorded, options)).toMatchObject({
      message: `${form}; request 1, which comes after request 0, waits for none`,
      hint: 'write a .swt or .parquet trace, or add --drop sessions',
    })
    expect((await faultOf('x.jsonl', { ...recorded, parent: Int32Array.of(-1, 0, -1, -1) }, options)).message).toBe(
      `${form}; request 3, which comes after request 1, waits for none`,
    )
  })
})

describe('Parquet', () => {
  it('has a row for each request, units in the names, and what else there is as metadata', async () => {
    const bytes = await written('full.parquet', full, { to: 'parquet' })
    const file = new Uint8Array(bytes).buffer
    const rows = await parquetReadObjects({ file })
    expect(rows).toHaveLength(4)
    expect(rows[0]).toEqual({
      arrival_ns: 1_500_000n,
      input_tokens: 10,
      output_tokens: 1,
      class: 0,
      tenant: 4,
      session: 0,
      parent: null,
      wait_ns: 0n,
      joins: null,
      block_first: [0],
      block_count: [2],
    })
    expect(rows[1]).toMatchObject({
      arrival_ns: null,
      parent: 0,
      wait_ns: 2_000_000_001n,
      block_first: [0, 7],
      block_count: [3, 1],
    })
    expect(rows[2]).toMatchObject({ session: null, joins: 3, block_first: [], block_count: [] })
    const { key_value_metadata: pairs, created_by } = parquetMetadata(file)
    expect(created_by).toBe('shapewise trace')
    expect(JSON.parse(pairs?.find(({ key }) => key === 'shapewise')?.value ?? '')).toMatchObject({
      version: 1,
      hash: traceHash(full),
      block_tokens: 4,
      names: full.names,
      provenance: full.provenance,
    })
  })

  it('comes in row groups', async () => {
    const count = 150_000
    const many = shapesOnly(
      Float64Array.from({ length: count }, (_, i) => i * 1e6),
      new Int32Array(count).fill(7),
      new Int32Array(count).fill(3),
      plain.provenance,
    )
    const file = new Uint8Array(await written('many.parquet', many, { to: 'parquet' })).buffer
    expect(parquetMetadata(file).row_groups.map(({ num_rows }) => Number(num_rows))).toEqual([65_536, 65_536, 18_928])
    const [last] = await parquetReadObjects({ file, rowStart: count - 1, rowEnd: count })
    expect(last).toEqual({ arrival_ns: 149_999_000_000n, input_tokens: 7, output_tokens: 3 })
  })
})

describe('a format', () => {
  it('refuses what it cannot hold, and takes it when it is dropped knowingly', async () => {
    expect(await faultOf('x.csv', full, { to: 'csv' })).toEqual({
      where: join(folder, 'x.csv'),
      message: 'the trace has blocks, which csv cannot hold',
      hint: 'write a .swt or .parquet trace, or add --drop blocks',
    })
    expect(await faultOf('x.jsonl', full, { to: 'mooncake' })).toMatchObject({
      message: 'the trace has classes, tenants and joins, which mooncake cannot hold',
      hint: 'write a .swt or .parquet trace, or add --drop classes,tenants,joins',
    })
    expect((await faultOf('x.csv', full, { to: 'csv', drop: ['sessions', 'blocks'] })).message).toBe(
      'without its sessions the trace has requests that are never sent: they wait for others and have no time of their own',
    )
    const timed = { ...full, arrivalNs: plain.arrivalNs }
    expect(
      (await written('timed.csv', timed, { to: 'csv', drop: ['sessions', 'blocks', 'tenants', 'classes'] })).toString(),
    ).toBe((await written('plain.csv', plain, { to: 'csv' })).toString())
  })

  it('is told by the ending', () => {
    expect(['a.swt', 'a.swt.gz', 'a.csv.gz', 'b.c.jsonl', 'x.parquet', 'a.txt', 'csv', 'a.gz'].map(targetOf)).toEqual([
      'shapewise',
      'shapewise',
      'csv',
      'mooncake',
      'parquet',
      null,
      null,
      null,
    ])
  })

  it('is compressed by its name, but not twice and not by zstd', async () => {
    const text = await written('plain.csv', plain, { to: 'csv' })
    expect(gunzipSync(await written('plain.csv.gz', plain, { to: 'csv' })).equals(text)).toBe(true)
    expect((await faultOf('x.parquet.gz', plain, { to: 'parquet' })).hint).toBe('end the name in .parquet')
    expect((await faultOf('x.csv.zst', plain, { to: 'csv' })).message).toBe('zstd is read, but not written')
  })

  it('leaves no half-written file behind', async () => {
    const missing = join('none', 'x.csv')
    expect((await faultOf(missing, plain, { to: 'csv' })).message).toBe(`there is no folder ${join(folder, 'none')} to write to`)
    const broken = { ...full, names: { tenant: ['a\nb'], class: null } }
    // its file is still being opened when the first row fails, and may appear late: once in some thousand times on an idle machine
    for (let i = 0; i < 200; i++) await faultOf('half.csv', broken, { to: 'csv', drop: ['blocks'] })
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp') || name.startsWith('half'))).toEqual([])
  })
})

describe('what a trace is written to', () => {
  const at = (name: string): string => join(folder, name)

  it('is what a link leads to, there or not', async () => {
    writeFileSync(at('old.csv'), 'old')
    symlinkSync('old.csv', at('link.csv'))
    symlinkSync('link.csv', at('second.csv'))
    symlinkSync('later.csv', at('dangling.csv'))
    for (const name of ['second.csv', 'dangling.csv']) await written(name, plain, { to: 'csv' })
    expect(['link.csv', 'second.csv', 'dangling.csv'].map((name) => lstatSync(at(name)).isSymbolicLink())).toEqual([
      true,
      true,
      true,
    ])
    expect(readFileSync(at('old.csv'), 'utf8')).toMatch(/^arrival_s/)
    expect(readFileSync(at('later.csv'), 'utf8')).toMatch(/^arrival_s/)
  })

  it('is no circle of links', async () => {
    symlinkSync('b.csv', at('a.csv'))
    symlinkSync('a.csv', at('b.csv'))
    symlinkSync('none/../c.csv', at('c.csv'))
    for (const name of ['a.csv', 'c.csv'])
      expect((await faultOf(name, plain, { to: 'csv' })).message).toBe('its links lead in a circle')
  })

  it('is no pipe', async () => {
    spawnSync('mkfifo', [at('pipe.csv')])
    symlinkSync('pipe.csv', at('to-pipe.csv'))
    for (const name of ['pipe.csv', 'to-pipe.csv'])
      expect(await faultOf(name, plain, { to: 'csv' })).toEqual({
        where: at(name),
        message: 'it is a device or a pipe, not a file',
        hint: 'choose another place, where you may write',
      })
    expect(lstatSync(at('pipe.csv')).isFIFO()).toBe(true)
  })

  it('keeps the mode that it has', async () => {
    writeFileSync(at('open.csv'), 'old')
    chmodSync(at('open.csv'), 0o666)
    await written('open.csv', plain, { to: 'csv' })
    expect(statSync(at('open.csv')).mode & 0o777).toBe(0o666)
  })
})

describe('what was written is read back', () => {
  /** Any workload that begins at 0, within the 104 days that text formats hold; names without what no line can hold. */
  const readable = workloads.map((workload): Workload => {
    const first = workload.arrivalNs.find((time) => !Number.isNaN(time)) ?? 0
    const names = (list: readonly string[] | null) => list?.map((name, i) => `${name.replace(/[\r\n]/g, ' ')} ${i}`) ?? null
    return {
      ...workload,
      arrivalNs: workload.arrivalNs.map((time) => Math.min(time - first, 2 ** 53 - 2)),
      names: { tenant: names(workload.names.tenant), class: names(workload.names.class) },
    }
  })

  const readBack = async (name: string, workload: Workload, options: WriteOptions) => {
    const path = join(folder, name)
    await writeWorkload(path, workload, options)
    return (await readTrace(path, { spreadTicks: false, keepTicks: true })).workload
  }

  /** The names by which rows are called, or the numbers where there are none; null for a request without a tenant, and where nobody has one. */
  const labels = (ids: ArrayLike<number> | null, names: readonly string[] | null) => {
    const isNone = (id: number) => (names === null ? id === -1 : id < 0)
    const found = Array.from(ids ?? [], (id) => (isNone(id) ? null : (names?.[id] ?? String(id))))
    return found.every((label) => label === null) ? null : found
  }

  /** Equal in every column, but tenants and classes by name: a file names them, and numbers them anew. */
  function expectSame(read: Workload, written: Workload): void {
    expect(labels(read.tenant, read.names.tenant)).toEqual(labels(written.tenant, written.names.tenant))
    expect(labels(read.classId, read.names.class)).toEqual(labels(written.classId, written.names.class))
    for (const name of COLUMN_NAMES) {
      if (name === 'tenant' || name === 'classId') continue
      if (name === 'session') expectSameGroups(read.session, written.session)
      else expect(read[name], name).toEqual(written[name])
    }
    expect(read.blockTokens).toBe(written.blockTokens)
  }

  /** The same requests together; their sessions may be numbered anew. */
  function expectSameGroups(read: Int32Array | null, written: Int32Array | null): void {
    expect(read === null).toBe(written === null)
    const renamed = new Map<number, number>([[-1, -1]])
    written?.forEach((session, i) => {
      if (!renamed.has(session)) renamed.set(session, read?.[i] ?? -2)
      expect(read?.[i]).toBe(renamed.get(session))
    })
    expect(new Set(renamed.values()).size).toBe(renamed.size)
  }

  it('Parquet, everything', async () => {
    await fc.assert(
      fc.asyncProperty(workloads, async (workload) => {
        const read = await readBack('any.parquet', workload, { to: 'parquet' })
        expect(read).toEqual(workload)
        expect(traceHash(read)).toBe(traceHash(workload))
      }),
      { numRuns: 150, seed: 4 },
    )
  })

  it('Mooncake, sessions of turns and blocks; other sessions are refused', async () => {
    const gaps = fc.array(fc.record({ gapNs: fc.nat({ max: 2 ** 40 }), waits: fc.boolean(), starts: fc.boolean() }), {
      minLength: 40,
      maxLength: 40,
    })
    const kinds = fc.constantFrom('turns', 'turns that begin anew', 'turns without numbers', 'no turns')
    const seen = new Set<string>()
    await fc.assert(
      fc.asyncProperty(readable, gaps, fc.integer({ min: 1, max: 5 }), kinds, async (any, turns, sessions, kind) => {
        const { count } = any
        const chained = Int32Array.from({ length: count }, (_, i) => {
          const isFirst = i < sessions || kind === 'no turns' || (kind === 'turns that begin anew' && turns[i].starts)
          return isFirst ? -1 : i - sessions
        })
        let now = -turns[0].gapNs
        const times = Float64Array.from(chained, (before, i) => {
          now += turns[i].gapNs
          return before >= 0 && turns[i].waits ? Number.NaN : now
        })
        const session = Int32Array.from({ length: count }, (_, i) => i % sessions)
        const workload: Workload = {
          ...withoutParts(any, ['classes', 'tenants', 'sessions']),
          arrivalNs: times,
          session: kind === 'turns without numbers' ? null : session,
          parent: kind === 'no turns' ? null : chained,
          waitNs: kind === 'no turns' ? null : Float64Array.from(chained, (before, i) => (before >= 0 ? turns[i].gapNs : 0)),
        }
        const isHeld = kind === 'turns without numbers' || chained.every((before, i) => before < 0 === i < sessions)
        seen.add(`${kind}, ${isHeld}`)
        if (!isHeld) {
          expect((await faultOf('any.jsonl', workload, { to: 'mooncake' })).message).toMatch(
            /^in Mooncake's form .* waits for none$/,
          )
          return
        }
        const read = await readBack('any.jsonl', workload, { to: 'mooncake' })
        expect(read.parent ?? new Int32Array(count).fill(-1)).toEqual(chained)
        if (read.parent !== null) expect(read.waitNs).toEqual(workload.waitNs)
        // chains get numbers
        if (workload.session === null) expect(unitsOf(read).rows).toEqual(unitsOf(workload).rows)
        else expectSameGroups(read.session, workload.session)
        for (const name of ['arrivalNs', 'isl', 'osl'] as const) expect(read[name], name).toEqual(workload[name])
        for (let i = 0; i < count; i++) expect(blockIdsOf(read, i)).toEqual(blockIdsOf(workload, i))
        if (workload.runFirst !== null) expect(read.blockTokens).toBe(workload.blockTokens)
      }),
      { numRuns: 150, seed: 5 },
    )
    expect([...seen].sort()).toEqual([
      'no turns, false',
      'no turns, true',
      'turns that begin anew, false',
      'turns that begin anew, true',
      'turns without numbers, true',
      'turns, true',
    ])
  })

  it('CSV, all but the blocks', async () => {
    await fc.assert(
      fc.asyncProperty(readable, async (workload) => {
        const rest = withoutParts(workload, ['blocks'])
        expectSame(await readBack('any.csv', rest, { to: 'csv' }), rest)
      }),
      { numRuns: 200, seed: 3 },
    )
  })
})

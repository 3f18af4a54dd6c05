/** What the trace readers accept, report and refuse: every sentence a user may see about their file. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, it } from 'vitest'
import { UserError } from '../src/errors.js'
import { blockIdsOf, type ReadOptions, readTrace, type Workload, writeTrace } from '../src/traces/index.js'
import { shapesOnly } from '../src/traces/workload.js'

const folder = mkdtempSync(join(tmpdir(), 'traces-read-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const HEADER = 'arrival_s,input_tokens,output_tokens\n'
const SHAPES_HINT = 'give a trace with at least one request of one or more input and output tokens'

let files = 0
function file(content: string | Uint8Array, name = `${files++}.csv`): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

/** The block ids of all requests, one after the other. */
const idsOf = (workload: Workload): number[] => [...workload.isl.keys()].flatMap((i) => [...blockIdsOf(workload, i)])

const read = (content: string | Uint8Array, options: Partial<ReadOptions> = {}) =>
  readTrace(file(content), { spreadTicks: false, ...options })

/** The faults of the `UserError` that reading throws, without the folder. */
async function faultsOf(reading: Promise<unknown>) {
  const error = await reading.then(
    () => new Error('no error'),
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof UserError)) throw error
  return error.faults.map((fault) => ({ ...fault, where: fault.where.replace(`${folder}/`, '') }))
}

const refusal = async (content: string | Uint8Array, options: Partial<ReadOptions> = {}) => {
  const path = file(content, 'trace')
  return faultsOf(readTrace(path, { spreadTicks: false, ...options }))
}

/** Rows `i, 100 + i, 10` with `i` from 0, of which `change` may replace some. */
function rows(count: number, change: Record<number, string> = {}): string {
  let text = HEADER
  for (let i = 0; i < count; i++) text += `${change[i] ?? `${i}.25,${100 + i},10`}\n`
  return text
}

/** Time, input and output of every request. */
const shapes = ({ workload }: Awaited<ReturnType<typeof readTrace>>) =>
  Array.from({ length: workload.count }, (_, i) => [workload.arrivalNs[i], workload.isl[i], workload.osl[i]])

describe('files that are no trace', () => {
  it('names a missing file and a directory', async () => {
    expect(await faultsOf(readTrace(join(folder, 'none.csv'), { spreadTicks: false }))).toEqual([
      { where: 'none.csv', message: 'there is no such trace file', hint: 'check the path' },
    ])
    mkdirSync(join(folder, 'traces'))
    expect(await faultsOf(readTrace(join(folder, 'traces'), { spreadTicks: false }))).toEqual([
      { where: 'traces', message: 'this is a directory, not a trace file', hint: 'name one file in it' },
    ])
    writeFileSync(join(folder, 'traces', 'chunk-3-trace.csv.gz'), '')
    const [{ hint }] = await faultsOf(readTrace(join(folder, 'traces'), { spreadTicks: false }))
    expect(hint).toContain(`trace synth --pool ${join(folder, 'traces')}`)
    const [{ hint: preset }] = await faultsOf(readTrace('chat', { spreadTicks: false }))
    expect(preset).toContain('--set workload.preset=chat')
    const below = join(file('1,2,3\n', 'plain'), 'x.csv')
    expect((await faultsOf(readTrace(below, { spreadTicks: false })))[0].message).toBe(
      'the file could not be read (ENOTDIR) after 0 rows',
    )
  })

  it.each([
    ['empty', '', 'the file is empty', 'give a trace with at least one request'],
    ['empty gzip', gzipSync(''), 'the file is empty', 'give a trace with at least one request'],
    ['blank', ' \n\r\n\t\n', 'the file holds only blank lines', 'give a trace with at least one request'],
    ['header only', HEADER, 'the file has no rows; a header alone is no trace', SHAPES_HINT],
    ['comments only', '# a\n# b\n', 'the file has no rows; a header alone is no trace', SHAPES_HINT],
    [
      'binary',
      Uint8Array.from({ length: 5000 }, (_, i) => (i * 167 + (i >> 3)) % 256),
      'the file is binary and of no known trace format',
      'give a CSV file, JSON lines or a .swt trace; each may be compressed with gzip or zstd. `shapewise trace formats` lists all',
    ],
    ['zip', 'PK\u0003\u0004 and more', 'the file is a zip archive, which is not read', 'unpack it and name one file'],
    [
      'no whole parquet file',
      'PAR1 and more',
      'the Parquet file is damaged, or in a form that is not read: parquet file invalid (footer != PAR1)',
      'copy it again, or export it anew with snappy, gzip or zstd compression',
    ],
    ['utf-16', Buffer.from('\ufeff1,2,3\n', 'utf16le'), 'the file is UTF-16 text, which is not read', 'save it as UTF-8'],
    [
      'JSON array',
      '[{"timestamp": 0}]',
      'the file is one JSON array; a trace has one JSON object a line',
      "convert it, for instance with `jq -c '.[]'`",
    ],
  ])('refuses a file that is %s', async (_, content, message, hint) => {
    expect(await refusal(content)).toEqual([{ where: 'trace', message, hint }])
  })

  it('refuses a format the content contradicts', async () => {
    const own = join(folder, 'own.swt')
    await writeTrace(own, (await read(rows(3))).workload)
    expect(await faultsOf(readTrace(own, { spreadTicks: false, from: 'csv' }))).toEqual([
      {
        where: 'own.swt',
        message: 'the file is a Shapewise trace, not csv',
        hint: 'leave the format out: it is told by the content',
      },
    ])
    expect((await refusal(rows(3), { from: 'shapewise' }))[0].message).toBe('the file is no Shapewise trace')
    expect(await refusal(rows(3), { from: 'azure' })).toEqual([
      {
        where: 'trace:1',
        message: 'an Azure trace begins with the header TIMESTAMP,ContextTokens,GeneratedTokens; this file does not',
        hint: 'read it as csv',
      },
    ])
    expect((await refusal(rows(3), { from: 'mooncake' }))[0]).toMatchObject({
      where: 'trace:1',
      message: 'none of the 4 rows is usable: the line is no JSON',
    })
  })

  it('does not take a text that speaks of the magic word for a trace of its own', async () => {
    expect((await read(`# shapewise-trace\n${rows(3)}`)).workload.count).toBe(3)
  })
})

describe('gzip', () => {
  it('reads it whatever its name is', async () => {
    expect(shapes(await read(gzipSync(rows(5))))).toEqual(shapes(await read(rows(5))))
  })

  it.each([
    ['small', 20, 9],
    ['large', 200_000, 2],
  ])('names a cut-off %s file and the rows before the cut', async (_, count, level) => {
    const whole = gzipSync(rows(count), { level })
    const [fault, ...others] = await refusal(whole.subarray(0, Math.floor(whole.length * 0.6)))
    expect(others).toEqual([])
    expect(fault.where).toBe('trace')
    expect(fault.hint).toBe('copy or download it again; `gzip -t` tells whether it is whole')
    const read = Number(/^the gzip file is cut off: it ends after (\d+) rows?$/.exec(fault.message)?.[1])
    expect(read).toBeGreaterThan(count * 0.1)
    expect(read).toBeLessThan(count)
  })

  it('counts every row when only the checksum is cut off', async () => {
    const whole = gzipSync(rows(20))
    expect((await refusal(whole.subarray(0, whole.length - 4)))[0].message).toBe(
      'the gzip file is cut off: it ends after 20 rows',
    )
    expect((await refusal(whole.subarray(0, 2)))[0].message).toBe('the gzip file is cut off: it ends after 0 rows')
  })

  it('names a damaged file', async () => {
    const whole = gzipSync(rows(200_000))
    whole.fill(0xff, whole.length >> 1, (whole.length >> 1) + 64)
    const [fault] = await refusal(whole)
    expect(fault.message).toMatch(/^the gzip file is damaged: \d+ rows were read before that showed$/)
    const read = Number(/\d+/.exec(fault.message)?.[0])
    expect(read).toBeGreaterThan(50_000)
    expect(read).toBeLessThanOrEqual(200_000)
    const wrongSum = gzipSync(rows(20))
    wrongSum[wrongSum.length - 6] ^= 1
    expect((await refusal(wrongSum))[0]).toEqual({
      where: 'trace',
      message: 'the gzip file is damaged: 0 rows were read before that showed',
      hint: 'copy or download it again; `gzip -t` tells whether it is whole',
    })
  })
})

describe('zero bytes after a gzip file', () => {
  const packed = gzipSync(rows(5))
  const padded = (bytes: number, ...more: Uint8Array[]) => Buffer.concat([packed, Buffer.alloc(bytes), ...more])

  it.each([1, 512, 66_000, 300_000])('are padding: %i', async (bytes) => {
    expect(shapes(await read(padded(bytes)))).toEqual(shapes(await read(rows(5))))
  })

  it.each([
    ['text', Buffer.from('x')],
    ['another gzip file', gzipSync(rows(5))],
  ])('with %s behind them are damage', async (_, more) => {
    for (const bytes of [1, 66_000])
      expect((await refusal(padded(bytes, more)))[0].message).toBe(
        'the gzip file is damaged: 5 rows were read before that showed',
      )
  })
})

describe('a chosen time unit', () => {
  const ms = { columns: { timeUnit: 'ms' } }
  const date = '2024-03-01 10:00:00'
  const noEffect = [{ where: 'trace', message: 'the time unit has no effect: the times are dates', hint: 'leave it out' }]

  it('is refused where all times are dates, unless waits are in it', async () => {
    const waits = (name: string) => `time,input_tokens,output_tokens,session,${name}\n${date},7,5,a,\n,8,5,a,20\n`
    expect(await refusal(`${HEADER}${date},7,5\n`, ms)).toEqual(noEffect)
    expect(await refusal(waits('wait_ms'), ms)).toEqual(noEffect)
    const { workload } = await read(waits('wait'), ms)
    expect([...(workload.waitNs as Float64Array)]).toEqual([0, 20e6])
    await read(`${HEADER}${date},7,5\n`, { ...ms, isOneOfSeveral: true }).then(({ report }) =>
      expect(report.idleUnit).toBe('dates'),
    )
  })

  it('has its effect on the numbers among which a date stands', async () => {
    const { workload, report } = await read(rows(60, { 30: `${date},7,5` }), ms)
    expect(workload.count).toBe(59)
    expect(workload.arrivalNs[1]).toBe(1e6)
    expect(report).toMatchObject({ rowsSkipped: 1, idleUnit: null })
    const json = (time: number | string) => `${JSON.stringify({ timestamp: time, input_length: 7, output_length: 5 })}\n`
    const lines = `${json(0)}${json('2024-03-01T10:00:00Z')}${json(2)}`
    expect([...(await read(lines, { columns: { timeUnit: 's' } })).workload.arrivalNs]).toEqual([0, 2e9])
    expect((await read(lines)).report.notes).toContain('Time is in ms, as Mooncake defines it.')
    expect((await read(`time,input_tokens,output_tokens\n0,7,5\n${date},7,5\n2,7,5\n`)).report.notes.join()).toMatch(
      /Time is taken to be in seconds/,
    )
  })
})

describe('lines that end with returns alone', () => {
  it('are lines, in a CSV of any length and in JSON', async () => {
    const returned = (text: string) => text.replaceAll('\n', '\r')
    for (const count of [3, 100_000]) expect(shapes(await read(returned(rows(count))))).toEqual(shapes(await read(rows(count))))
    expect(shapes(await read('0.5,7,5\r1.5,8,5'))).toEqual([
      [0, 7, 5],
      [1e9, 8, 5],
    ])
    const json = [0, 1].map((time) => JSON.stringify({ timestamp: time, input_length: 7, output_length: 5 })).join('\r')
    expect(shapes(await read(json))).toEqual([
      [0, 7, 5],
      [1e6, 7, 5],
    ])
  })

  it('are named where another line ends with a newline', async () => {
    for (const options of [{}, { columns: { time: 'arrival_s' } }]) {
      expect(await refusal(`# of today\n${rows(3).trim().replaceAll('\n', '\r')}`, options)).toEqual([
        {
          where: 'trace',
          message:
            'the first line of the table holds several rows: they end with returns, and other lines of the file with newlines',
          hint: "end all lines alike: tr '\\r' '\\n' < FILE",
        },
      ])
    }
  })
})

describe('times of day', () => {
  it('are of one day where they never fall', async () => {
    const { workload, report } = await read(`${HEADER}9:59:59.25,7,5\n10:00:00,8,5\n10:00:00,9,5\n23:00:00.000000001,9,5\n`)
    expect([...workload.arrivalNs]).toEqual([0, 0.75e9, 0.75e9, 46_800.75e9 + 1])
    expect(report.notes.filter((note) => note.startsWith('Times '))).toEqual([
      'Times have no date: all are taken to be of one day, since none is earlier than the one before it.',
    ])
    expect(shapes(await read('10:00:00,7,5\n10:00:01,8,5\n'))).toEqual([
      [0, 7, 5],
      [1e9, 8, 5],
    ])
  })

  it('that fall are refused: a day may have passed', async () => {
    expect(await refusal(`${HEADER}23:59:59,7,5\n23:59:58,7,5\n`)).toEqual([
      {
        where: 'trace:3:1',
        message: "time of day is earlier than the one before it, and no date says of which day it is: '23:59:58'",
        hint: 'write dates too, as in 2024-03-01 10:00:00; or sort the rows, if all are of one day',
      },
    ])
  })

  it.each(['1.5', '36001', '1e4', '1709287200000000000', '2024-03-01 10:00:00'])('do not mix with %s', async (other) => {
    for (const [first, second] of [
      ['10:00:00', other],
      [other, '10:00:00'],
    ]) {
      const { workload, report } = await read(`${HEADER}${first},7,5\n${second},7,5\n${first},7,5\n`)
      expect([...workload.arrivalNs]).toEqual([0, 0])
      expect(report.firstSkipped).toEqual([{ line: 3, reason: 'time is of another kind than those before it' }])
    }
  })

  it('that fall are no fault beyond the limit or behind the mark of a comment', async () => {
    const fallen = `${HEADER}10:00:00,7,5\n10:00:01,7,5\n09:00:00,7,5\n09:00:00,7,5\n`
    const { report } = await read(fallen, { limit: 2 })
    expect(report).toMatchObject({ rowsRead: 4, rowsKept: 2, rowsSkipped: 2 })
    expect(report.skippedByReason).toEqual([{ reason: 'beyond the limit of requests', count: 2 }])
    const tenants = 'time,input_tokens,output_tokens,tenant\n10:00:00,7,5,a\n09:00:00,7,5,a\n'
    const marked = 'tenant,time,input_tokens,output_tokens\na,10:00:00,7,5\n#a,09:00:00,7,5\n'
    expect((await read(marked)).report.notes.join()).toMatch(/1 line among the rows begins with # and cannot be used as a row/)
    expect((await refusal(tenants))[0].where).toBe('trace:3:1')
  })
})

describe('bad rows of a CSV file', () => {
  it('reads numbers as R and pandas write them: tokens as 1e+05, Unix ns with a point or an exponent', async () => {
    const ns = 'time_ns,input_tokens,output_tokens\n'
    const digits = `${ns}1700000000000000001.0,1e+05,2.5E3\n1700000000000000002.0,7,5.00\n`
    expect(shapes(await read(digits))).toEqual([
      [0, 100_000, 2500],
      [1, 7, 5],
    ])
    const rounded = `${ns}1.7000000000000000e+18,7,5\n1.7000000010000000e+18,8,5\n`
    expect(shapes(await read(rounded))).toEqual([
      [0, 7, 5],
      [1e9, 8, 5],
    ])
    const json = ['1.7e18', '1700000001000000000.0'].map((time) => `{"timestamp":${time},"input_length":7,"output_length":5}\n`)
    expect(shapes(await read(json.join(''), { columns: { timeUnit: 'ns' } }))).toEqual([
      [0, 7, 5],
      [1e9, 7, 5],
    ])
    expect((await refusal(`${HEADER}0,1.5e0,5\n`))[0].message).toContain('input tokens are not a whole number')
    expect((await refusal(`${HEADER}1e300,7,5\n`))[0].message).toContain('time cannot be read')
  })

  it('skips a row that opens a quote and does not close it, whatever is in it, and refuses such a header', async () => {
    const header = 'arrival_s,input_tokens,output_tokens,tenant\n'
    const { workload, report } = await read(`${header}0,100,10,a\n1,200,20,"b\n2,300,30,"c"\n`)
    expect([...workload.isl]).toEqual([100, 300])
    expect(report.skippedByReason).toEqual([{ reason: 'a quote is not closed in its line', count: 1 }])
    const [all, first] = await refusal(header + Array.from({ length: 11 }, (_, i) => `${i},200,20,"two\nlines"\n`).join(''))
    expect(all.message).toMatch(/^22 of 22 rows are unusable/)
    expect(first).toMatchObject({ where: 'trace:2:10', message: `a quote is not closed in its line: '"two'` })
    expect(first.hint).toMatch(/^close it, or double quotes that belong to the text; a row is one line/)
    expect(await refusal('arrival_s,input_tokens,"output_tokens\n0,7,5\n')).toMatchObject([
      { where: 'trace:1', message: `a quote is not closed in its line: '"output_tokens'` },
    ])
  })

  it('refuses two columns of one name where one of them is read, unless a position says which', async () => {
    const twice = 'arrival_s,input_tokens,output_tokens,Input Tokens\n0,100,10,7\n1,200,20,8\n'
    expect(await refusal(twice)).toEqual([
      {
        where: 'trace:1',
        message: 'columns 2 and 4 have the name input_tokens, and the file does not say which of them to read',
        hint: 'rename all but one, or give the position: workload.read.columns.input="4" (trace commands: --columns input=4)',
      },
    ])
    for (const [input, isl] of [
      ['2', [100, 200]],
      ['4', [7, 8]],
    ] as const)
      expect([...(await read(twice, { columns: { input } })).workload.isl]).toEqual(isl)
    const others = 'arrival_s,input_tokens,output_tokens,note,note\n0,100,10,a,b\n1,200,20,a,b\n'
    expect((await read(others)).workload.count).toBe(2)
  })

  it('reads files of hundreds of columns', async () => {
    const wide = Array.from({ length: 300 }, (_, i) => i)
    const text = `time,${wide.map((i) => `c${i}`)},input_tokens,output_tokens\n0,${wide},7,5\n1,${wide},8,5\n`
    expect(shapes(await read(text))).toEqual([
      [0, 7, 5],
      [1e9, 8, 5],
    ])
  })

  it('says that a pipe is not read', async () => {
    const pipe = join(folder, 'pipe')
    execFileSync('mkfifo', [pipe])
    // nobody writes to it
    expect((await faultsOf(readTrace(pipe)))[0].message).toBe('this is a pipe, and traces are read from files')
    expect((await faultsOf(readTrace('/dev/zero')))[0].message).toBe('this is a device, and traces are read from files')
  })

  it.each([
    ['1.5,-3,10', 'input tokens are negative'],
    ['1.5,100,-99999999999', 'output tokens are negative'],
    ['1.5,NaN,10', 'input tokens are not a whole number'],
    ['1.5,12.5,10', 'input tokens are not a whole number'],
    ['1.5,--7,10', 'input tokens are not a whole number'],
    ['1.5,100,ten', 'output tokens are not a whole number'],
    ['1.5,0,10', 'input tokens are 0'],
    ['1.5,2147483648,10', 'input tokens are above 2147483647'],
    ['1.5,100,99999999999999999999999', 'output tokens are above 2147483647'],
    ['1.5,100,', 'output tokens are missing'],
    ['1.5,,10', 'input tokens are missing'],
    [',100,10', 'time is missing'],
    ['soon,100,10', 'time cannot be read as a number, a date or a time of day'],
    ['NaN,100,10', 'time cannot be read as a number, a date or a time of day'],
    ['Infinity,100,10', 'time cannot be read as a number, a date or a time of day'],
    ['1.2.3,100,10', 'time cannot be read as a number, a date or a time of day'],
    ['2023-02-30 10:00:00,100,10', 'time cannot be read as a number, a date or a time of day'],
    ['-4,100,10', 'time is negative'],
    ['1e9,100,10', 'time is more than 104 days from the first row'],
    ['1e300,100,10', 'time is more than 104 days from the first row'],
    ['1.5,100', 'the row has another number of fields than 3'],
    ['1.5,100,10,1', 'the row has another number of fields than 3'],
    ['garbage', 'the row has another number of fields than 3'],
  ])('skips and reports %s', async (row, reason) => {
    const { workload, report } = await read(rows(9, { 4: row }))
    expect(workload.count).toBe(8)
    expect(workload.provenance).toMatchObject({ rowsRead: 9, rowsSkipped: 1 })
    expect(report).toMatchObject({
      rowsRead: 9,
      rowsKept: 8,
      rowsSkipped: 1,
      skippedByReason: [{ reason, count: 1 }],
      firstSkipped: [{ line: 6, reason }],
    })
    expect(report.notes).toContain(`1 row skipped: ${reason}.`)
    expect([...workload.isl]).toEqual([100, 101, 102, 103, 105, 106, 107, 108])
  })

  it.each([
    ['0,12.50,10', 'input tokens are not a whole number'],
    ['0,1234.500,10', 'input tokens are not a whole number'],
    ['0,0.500,10', 'input tokens are not a whole number'],
  ])('skips fractions: %s', async (row, reason) => {
    const { workload, report } = await read(rows(9, { 4: row }))
    expect(workload.count).toBe(8)
    expect(report.firstSkipped).toEqual([{ line: 6, reason }])
  })

  it('reads whole numbers that are written as decimal fractions', async () => {
    const { workload } = await read(`${HEADER}0,100.0,5.\n1,100.00,5.000000\n2,1234.000,5.0\n`)
    expect([...workload.isl]).toEqual([100, 100, 1234])
    expect([...workload.osl]).toEqual([5, 5, 5])
  })

  it.each([
    [
      'points',
      `${HEADER}1,500,10\n1,500,10\n2,12.500,10\n`,
      ':4:3',
      "input tokens have a thousands separator, or are no whole numbers: '12.500'",
    ],
    [
      'semicolons',
      'arrival_s;input_tokens;output_tokens\n0;1000;10\n1;10;2.048\n',
      ':3:6',
      "output tokens have a thousands separator, or are no whole numbers: '2.048'",
    ],
    // one or a thousand: no row of such a file is taken, since the short ones would go first
    [
      'what may be a thousand',
      `${HEADER}0,4500.000,10\n1,1.000,10\n`,
      ':3:3',
      "input tokens may have a thousands separator: '1.000'",
    ],
    ['the same of output', `${HEADER}0,10,500.000\n1,5,10\n`, ':2:6', "output tokens may have a thousands separator: '500.000'"],
    ['the same with a comma', `${HEADER}0,"1,000",10\n1,5,10\n`, ':2:4', "input tokens may have a thousands separator: '1,000'"],
    [
      'commas',
      `${HEADER}0,"2,048",10\n1,500,10\n`,
      ':2:4',
      "input tokens have a thousands separator, or are no whole numbers: '2,048'",
    ],
    [
      'millions',
      `${HEADER}0,1.000.000,10\n1,500,10\n`,
      ':2:3',
      "input tokens have a thousands separator, or are no whole numbers: '1.000.000'",
    ],
    [
      'prefixes',
      'session,arrival_s,input_tokens,output_tokens,prefix_tokens\na,0,5000,10,0\na,1,5000,10,2.048\n',
      ':3:13',
      "prefix tokens have a thousands separator, or are no whole numbers: '2.048'",
    ],
  ])('refuses a file that parts thousands, whatever else it holds: %s', async (_, text, where, message) => {
    const hint = 'write token counts without separators and decimals, as in 12500'
    expect(await refusal(text)).toEqual([{ where: `trace${where}`, message, hint }])
    // rows beyond the limit are not wanted
    const [header] = text.split('\n')
    const row = header
      .split(/[;,]/)
      .map((name) => (name === 'session' ? 'a' : '7'))
      .join(header.includes(';') ? ';' : ',')
    const { workload } = await read(text.replace(header, `${header}\n${row}`), { limit: 1 })
    expect(workload.count).toBe(1)
  })

  it('counts lines with blank lines and comments', async () => {
    const { report } = await read(`# exported\n\n${HEADER}\n1,2,3\n# gap\n\n2,-1,3\n`)
    expect(report.firstSkipped).toEqual([{ line: 8, reason: 'input tokens are negative' }])
    expect(report.rowsRead).toBe(2)
  })

  it('takes rows whose first field begins with # for what they are, and counts comments', async () => {
    const header = 'session_id,arrival_s,input_tokens,output_tokens\n'
    const { workload, report } = await read(`# exported\n${header}#a,0,10,5\n#a,1,20,5\n# a remark\n#b,2,0,5\nb,3,30,5\n`)
    expect([...workload.isl]).toEqual([10, 20, 30])
    expect([...(workload.session ?? [])]).toEqual([0, 0, 1])
    expect(report).toMatchObject({ rowsRead: 3, rowsSkipped: 0 })
    expect(report.notes).toContain('2 lines among the rows begin with # and cannot be used as rows: taken as comments.')
  })

  it('keeps the first five examples and counts by reason', async () => {
    const change = Object.fromEntries([3, 5, 7, 9, 11, 13].map((i) => [i, i === 5 ? '5,x,1' : `${i},-1,1`]))
    const { report } = await read(rows(20, change))
    expect(report.firstSkipped.map(({ line }) => line)).toEqual([5, 7, 9, 11, 13])
    expect(report.skippedByReason).toEqual([
      { reason: 'input tokens are negative', count: 5 },
      { reason: 'input tokens are not a whole number', count: 1 },
    ])
  })

  it('accepts up to one bad row in a hundred, and ten in any file', async () => {
    const bad = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [2 * i + 1, 'x,1,1']))
    expect((await read(rows(50, bad(10)))).workload.count).toBe(40)
    expect((await read(rows(1200, bad(12)))).workload.count).toBe(1188)
    const faults = await refusal(rows(1200, bad(13)))
    expect(faults).toEqual([
      {
        where: 'trace',
        message: '13 of 1200 rows are unusable; at most 1 % may be',
        hint: 'correct the rows below, or name the right columns and the time unit: workload.read.columns, workload.read.time_unit (trace commands: --columns, --time-unit)',
      },
      ...[3, 5, 7, 9, 11].map((line, i) => ({
        where: `trace:${line}:1`,
        message: "time cannot be read as a number, a date or a time of day: 'x'",
        ...(i === 0 && { hint: 'write a number, a date as in 2024-03-01 10:00:00.5, or a time of day as in 22:00:00.5' }),
      })),
    ])
  })

  it.each([
    ['1.5, 1;000,10', ':2:6', "input tokens are not a whole number: '1;000'"],
    [`1.5,100,"${'x'.repeat(50)}"`, ':2:10', `output tokens are not a whole number: '${'x'.repeat(40)}...'`],
    ['"1,5",100,10', ':2:2', "time has a decimal comma: '1,5'"],
    ['10:01,100,10', ':2:1', "time may be hours and minutes, or minutes and seconds: '10:01'"],
    ['00:00.5,100,10', ':2:1', "time may be hours and minutes, or minutes and seconds: '00:00.5'"],
    ['10:00:00 AM,100,10', ':2:1', "time cannot be read as a number, a date or a time of day: '10:00:00 AM'"],
  ])('says where in the line what stands: %s', async (row, where, message) => {
    const [fault] = await refusal(`${HEADER}${row}\n`)
    expect({ ...fault, hint: null }).toEqual({
      where: `trace${where}`,
      message: `the only row is not usable: ${message}`,
      hint: null,
    })
    if (message.startsWith('time')) expect(fault.hint).toMatch(/^write /)
  })

  it.each(['0x10', '1_000', '+100', '100.5', '١٠٠'])('says how a count is written where it is %s', async (count) => {
    const [fault] = await refusal(`${HEADER}0,${count},5\n`)
    expect(fault.message).toMatch(/input tokens are not a whole number/)
    expect(fault.hint).toBe('write whole numbers in digits alone, as in 1000')
  })

  it.each(['1000.5', '"1,000"'])('says so of a field of JSON that is %s', async (count) => {
    const [fault] = await refusal(`{"timestamp":0,"input_length":${count},"output_length":5,"hash_ids":[1]}\n`, {
      from: 'mooncake',
    })
    expect(fault.hint).toBe('write whole numbers in digits alone, as in 1000')
  })

  it('says that a line of JSON ends without a comma', async () => {
    const [fault] = await refusal('{"timestamp":0,"input_length":5,"output_length":5,"hash_ids":[1]},\n')
    expect(fault).toEqual({
      where: 'trace:1',
      message: 'the only row is not usable: the line is no JSON',
      hint: 'write one JSON object a line, without a comma at its end',
    })
  })

  it('counts the characters of a line and not their bytes', async () => {
    const header = 'tenant,time,input_tokens,output_tokens\n'
    expect((await refusal(`${header}ü€é😀,x,7,5\n`))[0].where).toBe('trace:2:6')
  })

  it('knows mm:ss.f for data where there is no header', async () => {
    expect((await refusal('00:00.5,7,5\n00:01.5,7,5\n'))[0].hint).toBe('write hours, minutes and seconds, as in 10:00:00')
  })

  it('skips and reports failed requests, however many', async () => {
    const change = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [i, `${i},5,0`]))
    const { workload, report } = await read(rows(60, change))
    expect(workload.count).toBe(30)
    expect(workload.arrivalNs[0]).toBe(0)
    expect(report.skippedByReason).toEqual([{ reason: 'output tokens are 0: a failed request', count: 30 }])
    expect(report.notes).toContain('30 rows skipped: output tokens are 0: a failed request.')
    expect(report.firstSkipped[0].line).toBe(2)
    expect(await refusal(`${HEADER}1,5,0\n2,5,0\n`)).toEqual([
      {
        where: 'trace',
        message: 'none of the 2 rows is usable: output tokens are 0: a failed request (line 2)',
        hint: SHAPES_HINT,
      },
    ])
  })

  it('sorts rows that are out of order, equal times in file order, and counts them', async () => {
    const result = await read('5.5,1,1\n3.25,2,1\n4,3,1\n3.25,4,1\n6,5,1\n')
    expect(shapes(result)).toEqual([
      [0, 2, 1],
      [0, 4, 1],
      [0.75e9, 3, 1],
      [2.25e9, 1, 1],
      [2.75e9, 5, 1],
    ])
    expect(result.report.outOfOrder).toBe(3)
    expect(result.report.notes).toContain('3 rows were out of order in time and sorted.')
    expect((await read('2.5,1,1\n1.5,1,1\n')).report.notes).toContain('1 row was out of order in time and sorted.')
  })
})

describe('ways to write a CSV file', () => {
  const expected = [
    [0, 300, 20],
    [1.5e9, 400, 30],
  ]
  const body = '10.5,300,20\n12,400,30\n'

  it.each([
    ['a header', HEADER + body],
    ['no header', body],
    ['no newline at the end', (HEADER + body).trimEnd()],
    ['CRLF', (HEADER + body).replaceAll('\n', '\r\n')],
    ['CRLF and no newline at the end', (HEADER + body).trimEnd().replaceAll('\n', '\r\n')],
    ['a byte order mark and a header', `\ufeff${HEADER}${body}`],
    ['a byte order mark and no header', `\ufeff${body}`],
    ['semicolons', (HEADER + body).replaceAll(',', ';')],
    ['tabs', (HEADER + body).replaceAll(',', '\t')],
    ['quoted fields', '"arrival_s","input_tokens","output_tokens"\n"10.5","300","20"\n"12","400","30"\n'],
    ['separators in quotes', 'id,arrival_s,input_tokens,output_tokens\n"a,b",10.5,300,20\n"c;d",12,400,30\n'],
    ['blanks', ' arrival_s , input_tokens , output_tokens\n 10.5 , 300 , 20 \n 12 ,\t400 , 30\n'],
    ['whole numbers with a point', '10.50,300.0,20.\n12.0,400.00,30\n'],
    ['exponents and signs in times', '1.05e1,300,20\n+12,400,30\n'],
    ['other columns and order', 'model,OSL,user,ISL,t\nm,20,u,300,10.5\nm,30,u,400,12\n'],
  ])('reads %s', async (_, content) => {
    const result = await read(content)
    expect(shapes(result)).toEqual(expected)
    expect(result.report.rowsSkipped).toBe(0)
  })

  it('does not stumble over a first data row without a header that has a byte order mark', async () => {
    const { report } = await read(`\ufeff${body}`)
    expect(report.notes).toContain('No header: the columns are taken to be time, input tokens and output tokens.')
    expect(report.rowsRead).toBe(2)
  })

  it('says which columns it reads and which it does not', async () => {
    const { report } = await read('model,OSL,user,ISL,t_ms\nm,20,u,300,10\nm,30,u,400,12\n')
    expect(report.notes).toEqual([
      'Time is in ms, from the name of its column.',
      'Columns: time = t_ms, input tokens = ISL, output tokens = OSL.',
      'Columns not used: model, user.',
    ])
  })

  it.each([
    ['arrival_s', 1e9],
    ['time_ms', 1e6],
    ['timestamp_us', 1e3],
    ['arrival_time_ns', 1],
    ['Time (ms)', 1e6],
    ['arrivalNs', 1],
    ['start_time_seconds', 1e9],
  ])('takes the unit of %s from its name', async (name, unitNs) => {
    const { workload } = await read(`${name},prompt_tokens,completion_tokens\n100,5,5\n107,6,6\n`)
    expect([...workload.arrivalNs]).toEqual([0, 7 * unitNs])
  })

  it('assumes seconds where nothing tells, and says so', async () => {
    const note = 'Time is taken to be in seconds: the file does not say; an arrival_ms or arrival_ns column would.'
    expect((await read(body)).report.notes).toContain(note)
    expect((await read(`time,isl,osl\n${body}`)).report.notes).toContain(note)
    expect((await read(HEADER + body)).report.notes).not.toContain(note)
    expect((await read(body, { columns: { timeUnit: 'ms' } })).workload.arrivalNs[1]).toBe(1.5e6)
  })

  it('keeps every ns of Unix times', async () => {
    const times = async (content: string) => [...(await read(content)).workload.arrivalNs]
    expect(await times('time_ns,isl,osl\n1700158546680590123,1,1\n1700158546680590124,1,1\n1700158550995169001,1,1\n')).toEqual([
      0, 1, 4314578878,
    ])
    expect(await times('time_ms,isl,osl\n1700158546680.590123,1,1\n1700158546681,1,1\n')).toEqual([0, 409877])
    expect(await times('time_us,isl,osl\n1700158546680590,1,1\n1700158546680593,1,1\n')).toEqual([0, 3000])
    expect(await times('1700158546.680590123,1,1\n1700158546.680590125,1,1\n')).toEqual([0, 2])
  })

  it.each([
    ['1700158546680', 'ms'],
    ['1700158546680590', 'us'],
    ['1700158546680590123', 'ns'],
  ])('refuses to guess the unit of %s', async (time, unit) => {
    const content = `${time},1,1\n${time.slice(0, -3)}999,1,1\n`
    expect(await refusal(content)).toEqual([
      {
        where: 'trace',
        message: `the times, such as ${Number(time)}, are too large for seconds and the file does not say their unit`,
        hint: `say the unit: workload.read.time_unit=${unit} (trace commands: --time-unit ${unit}), or call the column arrival_${unit}`,
      },
    ])
  })

  it('reads columns by name and by position', async () => {
    const columns = { time: 'when', input: '3', output: 'answer tokens', timeUnit: 's' }
    expect(shapes(await read('when,answer_tokens,question\n10.5,20,300\n12,30,400\n', { columns }))).toEqual(expected)
    const positions = { time: '4', input: '1', output: '2' }
    expect(shapes(await read('300,20,x,10.5\n400,30,y,12\n', { columns: positions }))).toEqual(expected)
  })

  it.each([
    [
      'a,b,c\n1,2,3\n',
      {},
      'trace:1',
      'no column is known to be the arrival time; the columns are a, b, c',
      'name it: workload.read.columns.time=NAME (trace commands: --columns time=NAME), or call it arrival_s',
    ],
    [
      'time,b,c\n1,2,3\n',
      {},
      'trace:1',
      'no column is known to be the input tokens; the columns are time, b, c',
      'name it: workload.read.columns.input=NAME (trace commands: --columns input=NAME), or call it input_tokens',
    ],
    [
      '1,2\n',
      {},
      'trace:1',
      'the file has no header and 2 columns; without a header it must have three: time, input tokens, output tokens',
      'add a header line, or give the positions of the three: workload.read.columns={time: "1", input: "2", output: "3"} (trace commands: --columns time=1,input=2,output=3)',
    ],
    [
      'time,isl,osl\n1,2,3\n',
      { input: 'prompt' },
      'trace',
      "there is no input column 'prompt'; the columns are time, isl, osl",
      'give one of these names, or a position counted from 1',
    ],
    ['time,isl,osl\n1,2,3\n', { timeUnit: 'h' }, 'trace', "time unit 'h' is unknown", 'give s, ms, us or ns'],
    [
      'time,isl,osl\n1,2,3\n',
      { output: 'isl' },
      'trace:1',
      'time, input and output tokens must be three different columns',
      'name three columns',
    ],
  ])('refuses %j with columns %j', async (content, columns, where, message, hint) => {
    expect(await refusal(content, { columns })).toEqual([{ where, message, hint }])
  })

  it('shortens the first line of a file that is no table', async () => {
    const [{ message }] = await refusal(`${'lorem ipsum '.repeat(1e4)}${', word'.repeat(300)}\n`)
    expect(message.length).toBeLessThan(1000)
    expect(message).toMatch(/^no column is known to be the arrival time; the columns are lorem .*\.\.\., word, .* and \d+ more$/)
  })

  it('refuses a line that never ends', async () => {
    expect(await refusal(gzipSync(`1,2,${'3'.repeat(70 << 20)}`, { level: 1 }))).toEqual([
      {
        where: 'trace',
        message: 'a line is longer than 64 MiB: this is no trace of one row a line',
        hint: 'give a CSV file, or JSON with one object a line',
      },
    ])
  })

  it('says when all requests come at once', async () => {
    expect((await read('0,1,1\n0,2,2\n')).report.notes).toContain(
      'All requests arrive at the same time: only closed-loop load makes sense.',
    )
  })
})

describe('Azure traces', () => {
  const azure = (...times: string[]) =>
    `TIMESTAMP,ContextTokens,GeneratedTokens\n${times.map((time, i) => `${time},${i + 1},1\n`).join('')}`
  const times = async (...given: string[]) => [...(await read(azure(...given))).workload.arrivalNs]

  it('keeps seven decimals, with and without a zone', async () => {
    const expected = [0, 100, 4_314_579_000]
    expect(await times('2023-11-16 18:15:46.6805900', '2023-11-16 18:15:46.6805901', '2023-11-16 18:15:50.9951690')).toEqual(
      expected,
    )
    expect(
      await times('2024-05-10 00:00:46.6805900+00:00', '2024-05-10 00:00:46.6805901+00:00', '2024-05-10 00:00:50.9951690+00:00'),
    ).toEqual(expected)
    expect(await times('2024-05-10T00:00:46.68059Z', '2024-05-10T00:00:46.6805901Z', '2024-05-10T00:00:50.995169Z')).toEqual(
      expected,
    )
  })

  it('crosses midnight, the year and zones', async () => {
    expect(await times('2023-12-31 23:59:59.9999999', '2024-01-01 00:00:00.0000001')).toEqual([0, 200])
    expect(await times('2024-02-28 23:59:59', '2024-02-29 00:00:00.5', '2024-03-01 00:00:01')).toEqual([0, 1.5e9, 86_402e9])
    expect(await times('2024-05-10 01:59:59.5+02:00', '2024-05-10 00:00:00+00:00')).toEqual([0, 0.5e9])
  })

  it('reads zones as PostgreSQL writes them, and small letters', async () => {
    expect(await times('2024-02-29 23:59:59.5+00', '2024-03-01 01:00:00.25+01', '2024-03-01t00:00:00.5z')).toEqual([
      0, 0.75e9, 1e9,
    ])
  })

  it('is told by its header, also with a column more, and needs no note about the unit', async () => {
    const { report, workload } = await read(azure('2023-11-16 18:15:46.6805900', '2023-11-16 18:15:47.1'))
    expect(report.format).toBe('azure')
    expect(workload.provenance.format).toBe('azure')
    expect(report.notes).toEqual(['Columns: time = TIMESTAMP, input tokens = ContextTokens, output tokens = GeneratedTokens.'])
    const more = await read('TIMESTAMP,NumImages,ContextTokens,GeneratedTokens\n2024-10-01 00:00:00.1,2,30,4\n')
    expect(more.report).toMatchObject({ format: 'azure', rowsKept: 1 })
  })
})

describe('Mooncake traces', () => {
  interface Line {
    readonly timestamp?: unknown
    readonly input_length?: unknown
    readonly output_length?: unknown
    readonly hash_ids?: unknown
    readonly block_size?: unknown
  }
  const line = (given: Line) =>
    `${JSON.stringify({ timestamp: 1, input_length: 600, output_length: 5, hash_ids: [1, 2], ...given })}\n`
  /** `count` requests at a fine clock. */
  const lines = (count: number, change: Record<number, string> = {}) =>
    Array.from({ length: count }, (_, i) => change[i] ?? line({ timestamp: 100 + 250 * i })).join('')

  it('reads ms, lengths and blocks', async () => {
    const { workload, report } = await read(
      line({ timestamp: 5, hash_ids: [7, 8] }) + line({ timestamp: 30.5, input_length: 1000, hash_ids: [7, 9] }),
    )
    expect([...workload.arrivalNs]).toEqual([0, 25.5e6])
    expect(idsOf(workload)).toEqual([0, 1, 0, 2])
    expect(workload.blockTokens).toBe(512)
    expect(report.format).toBe('mooncake')
    expect(report.idealHitRate).toBeCloseTo(512 / 1600, 12)
    expect(report.notes).toEqual([
      'Time is in ms, as Mooncake defines it.',
      'Prefix blocks of 512 tokens, from the numbers of ids.',
      'An unlimited cache of prefixes would serve 32.0 % of the input tokens.',
    ])
  })

  it.each([16, 64, 512])('infers blocks of %i tokens', async (size) => {
    const content = [10, 700, 5000].map((isl, i) =>
      line({ timestamp: i, input_length: isl, hash_ids: Array.from({ length: Math.ceil(isl / size) }, (_, b) => b) }),
    )
    expect((await read(content.join(''))).workload.blockTokens).toBe(size)
  })

  it('says when no block size fits', async () => {
    const { workload, report } = await read(line({ hash_ids: [1, 2, 3, 4, 5, 6, 7] }))
    expect(workload.blockTokens).toBe(512)
    expect(report.notes).toContain('Prefix blocks of 512 tokens, by custom: the numbers of ids fit no block size.')
  })

  it('says when several block sizes fit', async () => {
    const { workload, report } = await read(lines(3).replaceAll('600', '20').replaceAll('[1,2]', '[1]'))
    expect(workload.blockTokens).toBe(512)
    expect(report.notes).toContain(
      'Prefix blocks of 512 tokens, by custom: the numbers of ids fit those of 16, 32, 64, 128, 256, 1024 too.',
    )
  })

  it('takes the block size that rows with blocks say, of which there may be one', async () => {
    const sized = (size: unknown, ids: readonly number[] = [1, 2]) => line({ hash_ids: ids, block_size: size })
    expect((await read(lines(2) + sized(48) + sized(null))).workload.blockTokens).toBe(48)
    expect((await read(sized(48, []))).workload.blockTokens).toBe(0)
    expect((await read(sized(48), { blockTokens: 64 })).workload.blockTokens).toBe(64)
    const { report } = await read(sized(48) + sized(32) + sized(0) + sized(48))
    expect(report.skippedByReason).toEqual([
      { reason: 'block_size is 32, but 48 before', count: 1 },
      { reason: 'block_size is 0', count: 1 },
    ])
  })

  it('reads a byte order mark, CRLF, blank lines, no newline at the end, no ids and other keys', async () => {
    const bare = '{"timestamp": 10, "input_length": 5, "output_length": 2, "user": "a"}'
    const result = await read(`\ufeff${bare}\r\n\r\n${bare.replace('10', '12')}`)
    expect(shapes(result)).toEqual([
      [0, 5, 2],
      [2e6, 5, 2],
    ])
    expect(result.workload.runFirst).toBeNull()
    expect(result.report.notes).toEqual(['Time is in ms, as Mooncake defines it.', 'Keys not used: user.'])
  })

  it('keeps 64-bit ids beyond 2^53 apart', async () => {
    const row = (time: number, ids: string) =>
      `{"timestamp": ${time}, "input_length": 1500, "output_length": 1, "hash_ids": [${ids}]}\n`
    const { workload, report } = await read(
      row(0, '9007199254740992, 9007199254740993,-9223372036854775808') +
        row(7, '9007199254740993,18446744073709551615, 18446744073709551614') +
        row(9, '9007199254740992, 42, 9007199254740993'),
    )
    expect(idsOf(workload)).toEqual([0, 1, 2, 1, 3, 4, 0, 5, 1])
    expect(report.idealHitRate).toBeCloseTo(1024 / 4500, 12)
  })

  it('reads times in another unit when told so', async () => {
    const { workload, report } = await read(line({ timestamp: 1.5 }) + line({ timestamp: 3 }), { columns: { timeUnit: 's' } })
    expect([...workload.arrivalNs]).toEqual([0, 1.5e9])
    expect(report.notes.some((note) => note.startsWith('Time is in'))).toBe(false)
  })

  it('reads Unix times in ms', async () => {
    const { workload } = await read(line({ timestamp: 1700158546680 }) + line({ timestamp: 1700158546999 }))
    expect([...workload.arrivalNs]).toEqual([0, 319e6])
  })

  it.each([
    ['{"timestamp": 1', 'the line is no JSON'],
    ['[1, 2]', 'the line is no JSON object'],
    ['null', 'the line is no JSON object'],
    [line({ timestamp: undefined }), 'timestamp is missing'],
    [line({ timestamp: '5' }), 'time cannot be read as a number or a date'],
    [line({ timestamp: null }), 'time cannot be read as a number or a date'],
    [line({ timestamp: -5 }), 'time is negative'],
    [line({ timestamp: 1e11 }), 'time is more than 104 days from the first row'],
    [line({ input_length: undefined }), 'input_length is missing'],
    [line({ input_length: 1.5 }), 'input_length is not a whole number'],
    [line({ input_length: '600' }), 'input_length is not a whole number'],
    [line({ input_length: 0 }), 'input_length is 0'],
    [line({ input_length: -1 }), 'input_length is negative'],
    [line({ input_length: 2 ** 31 }), 'input_length is above 2147483647'],
    [line({ output_length: 1e300 }), 'output_length is above 2147483647'],
    [line({ output_length: -1 }), 'output_length is negative'],
    [line({ output_length: 0 }), 'output tokens are 0: a failed request'],
    [line({ hash_ids: 'abc' }), 'hash_ids is not a list of whole numbers'],
    [line({ hash_ids: [1, 2.5] }), 'hash_ids is not a list of whole numbers'],
    [line({ input_length: 1 }), 'hash_ids are more than the input tokens'],
    [line({ hash_ids: [1, null] }), 'hash_ids is not a list of whole numbers'],
  ])('skips and reports %s', async (row, reason) => {
    const { workload, report } = await read(lines(6, { 2: `${row.trimEnd()}\n` }))
    expect(workload.count).toBe(5)
    expect(report).toMatchObject({ rowsRead: 6, rowsSkipped: 1, firstSkipped: [{ line: 3, reason }] })
    expect([...(workload.runOffset as Float64Array)]).toEqual([0, 1, 2, 3, 4])
  })

  it('refuses other JSON lines by their keys, and, when they are said to be Mooncake, by their rows', async () => {
    const other = '{"prompt": "text", "answer": {"words": 3}}\n'.repeat(12)
    expect(await refusal(other)).toEqual([
      {
        where: 'trace',
        message: 'the file is JSON of no known trace format; its keys are prompt, answer',
        hint: '`shapewise trace formats` lists what is read; name one with --from if it is one of them',
      },
    ])
    const [summary, first] = await refusal(other, { from: 'mooncake' })
    expect(summary.message).toBe('12 of 12 rows are unusable; at most 1 % may be')
    expect(first).toEqual({ where: 'trace:1', message: 'input_length is missing' })
  })

  describe('recorded in ticks', () => {
    /** Nine requests a tick of about 3 s, each with an input of its own; every seventh tick is empty. */
    const ticked = Array.from({ length: 40 }, (_, tick) =>
      tick % 7 === 6
        ? ''
        : Array.from({ length: 9 }, (_, i) =>
            line({ timestamp: 3000 * tick + (tick % 3) - 1, input_length: 1 + 9 * tick + i, hash_ids: [9 * tick + i] }),
          ).join(''),
    )
      .join('')
      .replaceAll('"timestamp":-1,', '"timestamp":0,')

    it('is refused without spreading', async () => {
      expect(await refusal(ticked)).toEqual([
        {
          where: 'trace',
          message:
            "arrivals come in ticks of 3.001 s: a recorder's coarse clock, which makes bursts that never were, or bursts that are real",
          hint: 'say which: workload.spread_ticks=true spreads each tick uniformly over its length, =false keeps the bursts (trace commands: --spread-ticks, --keep-ticks)',
        },
      ])
    })

    it('keeps its bursts when they are said to be real', async () => {
      const { workload, report } = await read(ticked, { keepTicks: true })
      expect(new Set(workload.arrivalNs).size).toBeLessThan(workload.count / 2)
      expect(report.notes).toContain('Arrivals keep their ticks of 3.001 s: those of a tick come at once.')
    })

    it('spreads every request over its own tick, in order, with its blocks', async () => {
      const { workload, report } = await read(ticked, { spreadTicks: true })
      expect(report.tickNs).toBe(3.001e9)
      expect(report.notes).toContain('Arrivals of each 3.001 s tick were spread uniformly over it.')
      expect(workload.arrivalNs[0]).toBe(0)
      const fileOrder = [...ticked.matchAll(/"input_length":(\d+)/g)].map(([, isl]) => +isl)
      expect(workload.count).toBe(fileOrder.length)
      let earlier = 0
      // The first arrival is moved to 0, by less than a tick; every request stays within its tick of that clock.
      let lowest = Number.NEGATIVE_INFINITY
      let highest = Number.POSITIVE_INFINITY
      for (let i = 0; i < workload.count; i++) {
        expect(Number.isInteger(workload.arrivalNs[i])).toBe(true)
        expect(workload.arrivalNs[i]).toBeGreaterThanOrEqual(earlier)
        earlier = workload.arrivalNs[i]
        const tick = Math.floor((workload.isl[i] - 1) / 9)
        const startNs = (tick === 0 ? 0 : 3000 * tick + (tick % 3) - 1) * 1e6
        lowest = Math.max(lowest, startNs - workload.arrivalNs[i])
        highest = Math.min(highest, startNs + 3.001e9 - workload.arrivalNs[i])
        expect([...blockIdsOf(workload, i)]).toEqual([fileOrder.indexOf(workload.isl[i])])
      }
      expect(lowest).toBeLessThanOrEqual(highest)
      const inTick = [...workload.arrivalNs].map((ns) => (ns + lowest + 3.001e9) % 3e9)
      const mean = inTick.reduce((sum, ns) => sum + ns, 0) / inTick.length
      expect(mean).toBeGreaterThan(1.2e9)
      expect(mean).toBeLessThan(1.8e9)
    })

    it('keeps the turns of a session in order, and who follows whom', async () => {
      const turn = (tick: number, session: number, k: number) =>
        `${JSON.stringify({ session_id: `${tick}-${session}`, timestamp: 3000 * tick, input_length: 10 * tick + k, output_length: 1 })}\n`
      const numbers = (count: number) => Array.from({ length: count }, (_, i) => i)
      const text = numbers(40).flatMap((tick) => numbers(3).flatMap((session) => [1, 2, 3].map((k) => turn(tick, session, k))))
      const { workload } = await read(text.join(''), { spreadTicks: true })
      const { session, parent, isl } = workload
      expect(parent?.reduce((sum, before) => sum + (before < 0 ? 1 : 0), 0)).toBe(120)
      for (const one of new Set(session))
        expect([...isl].filter((_, i) => session?.[i] === one).map((tokens) => tokens % 10)).toEqual([1, 2, 3])
    })

    it('is the same for the same seed and another for another', async () => {
      const spread = async (seed?: number) => [...(await read(ticked, { spreadTicks: true, seed })).workload.arrivalNs]
      const first = await spread(7)
      expect(await spread(7)).toEqual(first)
      expect(await spread(8)).not.toEqual(first)
      expect(await spread()).toEqual(await spread(1))
    })

    it('leaves other clocks alone', async () => {
      const times = async (...ms: number[]) =>
        (await read(ms.map((timestamp) => line({ timestamp })).join(''), { spreadTicks: true })).report.tickNs
      expect(await times(0, 0, 0, 500, 500, 1000, 1000)).toBeNull()
      expect(await times(0, 0, 0, 1300, 1300, 3900, 3900, 5500, 5500, 5500)).toBeNull()
      expect(await times(0, 3000, 6000, 9000, 9000)).toBeNull()
      expect(await times(0, 0, 1000, 1000, 2000, 2000, 5000, 5000)).toBe(1e9)
    })
  })
})

it('moves the first arrival to 0 and says what it kept', async () => {
  const path = file(rows(3), 'my trace.csv')
  const { workload } = await readTrace(path, { spreadTicks: false })
  expect(workload).toEqual(
    shapesOnly(Float64Array.of(0, 1e9, 2e9), Int32Array.of(100, 101, 102), Int32Array.of(10, 10, 10), {
      name: 'my trace.csv',
      format: 'csv',
      note: 'Read from a CSV file.',
      rowsRead: 3,
      rowsSkipped: 0,
    }),
  )
})

describe('whole numbers of 16 and more digits', () => {
  const mooncake = (keys: string) => `{"timestamp":0,"input_length":1024,"output_length":5,${keys}}\n`
  const idsRead = async (keys: string[]) => idsOf((await read(keys.map(mooncake).join(''))).workload)

  it('keep every digit, outside of texts only', async () => {
    const ids = (one: string) => `"hash_ids":[${one},-9007199254740993]`
    expect(await idsRead([ids('12345678901234567'), ids('12345678901234568'), ids('"12345678901234567"')])).toEqual([
      0, 1, 2, 1, 0, 1,
    ])
    const text = '"text":"\\\\\\" 12345678901234567, \\\\"'
    expect(await idsRead([`${text},${ids('1e15')},"cost":1.1234567890123456e-1`, ids('1000000000000000')])).toEqual([0, 1, 2, 1])
  })

  it('are read beside a text of megabytes', async () => {
    const text = 'a'.repeat(9_000_000)
    expect(await idsRead([`"text":"${text}","hash_ids":[12345678901234567,1]`])).toEqual([0, 1])
    const attributes = `{"gen_ai.usage.input_tokens":10,"gen_ai.usage.output_tokens":5,"text":"${text}"}`
    const span = `{"attributes":${attributes},"start_time":1700000000000000001,"end_time":1700000000000000002}`
    expect((await read(`[${span}]`)).workload.count).toBe(1)
  })
})

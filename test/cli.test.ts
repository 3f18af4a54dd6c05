/** What the command line promises when nothing is wrong: streams, exit codes, folders, speed of start, Ctrl-C. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { describe, expect, it } from 'vitest'
import { inTerminal, MAIN, newFolder, put, shapewise } from './cliRunner.js'
import { slowness } from './slowness.js'

const CSV = 'arrival_s,input_tokens,output_tokens\n0,1000,50\n0.5,300,80\n1,2000,20\n'
const VERBS = ['run', 'compare', 'ablate', 'plan', 'explain', 'report', 'levers', 'support', 'trace', 'validate', 'calibrate']

describe('help', () => {
  it('lists the verbs and prints the version', () => {
    const dir = newFolder()
    const { stdout, status } = shapewise(dir, '--help')
    for (const verb of VERBS) expect(stdout).toContain(`shapewise ${verb}`)
    expect(status).toBe(0)
    expect(shapewise(dir, '--version').stdout.trim()).toMatch(/^\d+\.\d+\.\d+$/)
  })

  it.each([...VERBS.filter((verb) => verb !== 'trace'), 'trace inspect', 'trace convert'])(
    '%s --help has examples and fits 100 columns',
    (verb) => {
      const { stdout, status } = shapewise(newFolder(), ...verb.split(' '), '--help')
      expect(stdout).toContain('Examples:')
      expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100)
      expect(status).toBe(0)
    },
  )

  // 0: a terminal that does not know its width
  it.each([0, 60, 80])('fits a terminal of %i columns', (columns) => {
    const { stdout } = inTerminal(columns, newFolder(), 'compare', '--help')
    expect(stdout).toContain('Examples:')
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(columns || 100)
  })

  it.each([
    ['plan', 'docs/SCENARIO.md lists all keys'],
    ['run', 'docs/SCENARIO.md'],
    ['explain', '60x1000,4x64000'],
  ])('%s --help says %s', (verb, text) => expect(shapewise(newFolder(), verb, '--help').stdout).toContain(text))
})

/** Every option that a help text names, also within its sentences, as it would be typed. */
function typed(help: string): string[] {
  const [options] = help.slice(help.indexOf('\nOptions:')).split('\nExamples:')
  const described = options.split(/\n(?= +--)/)
  return [...new Set(options.match(/--[a-z][a-z-]*/g))].flatMap((name) => {
    if (name === '--help' || name === '--version') return []
    const text = described.find((one) => one.trimStart().startsWith(`${name} `))
    if (text === undefined || text.includes('[boolean]')) return [name]
    return [name, /choices: "([^"]+)"/.exec(text)?.[1] ?? 'x']
  })
}

it.each([...VERBS.filter((verb) => verb !== 'trace'), 'check', 'claim', 'trace inspect', 'trace convert', 'trace merge'])(
  '%s knows every option that its help names',
  (verb) => {
    const dir = newFolder()
    const { stdout } = shapewise(dir, ...verb.split(' '), '--help')
    const places = stdout.split('\n')[0].match(/[<[]\w+/g) ?? []
    const { status, stderr } = shapewise(dir, ...verb.split(' '), ...places.map(() => 'missing'), ...typed(stdout))
    expect(stderr).not.toMatch(/unknown argument|internal error/)
    expect(status).toBe(2)
  },
)

describe('run', () => {
  it('json goes to stdout alone, is the same twice, and writes nothing', () => {
    const dir = newFolder()
    const file = put(dir, 't.csv', CSV)
    const first = shapewise(dir, 'run', file, '--format', 'json')
    const second = shapewise(dir, 'run', file, '--format', 'json', '--quiet')
    expect(JSON.parse(first.stdout).summary.requests.completed).toBe(3)
    expect(first.stderr).toMatch(
      /^simulated \d+\.\d s in \d+\.\d{3} s, \d+ times real time; summarised the records in \d+\.\d{3} s$/m,
    )
    expect(second.stdout).toBe(first.stdout)
    expect(second.stderr).toBe('')
    expect(readdirSync(dir)).toEqual(['t.csv'])
  })

  it('a table leaves a run folder, named on stderr, whose report can be made again byte for byte', () => {
    const dir = newFolder()
    const { stderr, status } = shapewise(dir, 'run', put(dir, 't.csv', CSV))
    expect(status).toBe(0)
    const page = /report: (.*report\.html)/.exec(stderr)?.[1] as string
    expect(page).toMatch(/runs\/\d{8}T\d{6}Z-[0-9a-f]{6}\/report\.html$/)
    const before = readFileSync(page, 'utf8')
    expect(shapewise(dir, 'report', join(page, '..')).stdout.trim()).toContain('report.html')
    expect(readFileSync(page, 'utf8')).toBe(before)
  })

  it('leaves the rows of requests out when told so, and says where that has no effect', () => {
    const dir = newFolder()
    const file = put(dir, 't.csv', CSV)
    const files = (...flags: string[]) => {
      expect(shapewise(dir, 'run', file, '--quiet', '--overwrite', '--out', 'one', ...flags).status).toBe(0)
      return readdirSync(join(dir, 'one'))
    }
    expect(files()).toContain('requests.parquet')
    expect(files('--no-requests')).not.toContain('requests.parquet')
    expect(files('--no-requests')).toContain('summary.json')
    const { status, stderr } = shapewise(dir, 'run', file, '--format', 'json', '--no-requests')
    expect([status, stderr]).toEqual([2, expect.stringMatching(/--no-requests {2}has no effect here/)])
  })

  it('answers on three rows in a second', () => {
    const dir = newFolder()
    const file = put(dir, 't.csv', CSV)
    const times = [0, 1, 2].map(() => {
      const begun = performance.now()
      shapewise(dir, 'run', file, '--format', 'json', '--quiet')
      return performance.now() - begun
    })
    expect(Math.min(...times) / slowness()).toBeLessThan(1000)
  })
})

describe('support', () => {
  it('lists layouts of one model on one system, and says why others are refused', () => {
    const { stdout, status } = shapewise(
      newFolder(),
      'support',
      '--system',
      'gb200',
      '--model',
      'deepseek-r1',
      '--format',
      'json',
    )
    const { rows } = JSON.parse(stdout) as { rows: Record<string, unknown>[] }
    expect(status).toBe(0)
    expect(new Set(rows.map(({ system, model }) => `${system} ${model}`))).toEqual(new Set(['gb200 deepseek-r1']))
    expect(rows.find(({ layout, precision }) => layout === 'DEP32' && precision === 'nvfp4')).toMatchObject({
      gpus: 32,
      refused: null,
    })
    expect(rows.find(({ layout }) => layout === 'TP1')?.refused).toMatch(/leave no room/)
  })

  it('answers for everything within five seconds, at most 110 columns wide', () => {
    const begun = performance.now()
    const { stdout } = shapewise(newFolder(), 'support')
    expect((performance.now() - begun) / slowness()).toBeLessThan(5000)
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(110)
    for (const system of ['gb200', 'gb300', 'b200', 'b300']) expect(stdout).toMatch(new RegExp(`^${system} `, 'm'))
  })

  it("a misspelt name is the user's mistake", () => {
    const { status, stderr } = shapewise(newFolder(), 'support', '--model', 'deepseek')
    expect([status, stderr]).toEqual([2, expect.stringContaining("unknown model 'deepseek'")])
  })
})

describe('interruption, closed pipes and full disks', () => {
  it.each([
    [
      'a full disk',
      'node MAIN plan scenarios/demo.yaml > /dev/full',
      /^stdout {2}the result cannot be written \(ENOSPC: no space left on device\)/,
    ],
    [
      'a disk that takes a part of it',
      'ulimit -f 1; node MAIN levers > part.txt',
      /\(EFBIG: file too large\); what is there is not all/,
    ],
    [
      'a policy that the disk takes a part of',
      'ulimit -f 1; node MAIN policy new pool mine.mjs; status=$?; test -e mine.mjs && echo left >&2; exit $status',
      /^mine\.mjs {2}cannot be written: EFBIG: file too large, write\n {2}hint: choose another place\n$/,
    ],
    [
      'a page that the disk takes a part of',
      'echo 0,10,5 > t.csv; ulimit -f 1; node MAIN trace inspect t.csv --html page.html > /dev/null; status=$?; test -e page.html && echo left >&2; exit $status',
      /--html {2}cannot write page\.html: EFBIG: file too large, write\n {2}hint: [^\n]+\n$/,
    ],
    [
      'a page that the disk takes a part of, in the place of another',
      'echo 0,10,5 > t.csv; echo mine > page.html; ulimit -f 1; node MAIN trace inspect t.csv --html page.html > /dev/null; status=$?; ls -A | tr "\\n" " " | cat - page.html >&2; exit $status',
      /--html {2}cannot write page\.html: EFBIG[^\n]+\n {2}hint: [^\n]+\npage\.html t\.csv mine\n$/,
    ],
    [
      'a folder that was removed',
      'rmdir "$PWD"; node MAIN levers',
      /^the current folder {2}cannot be read \(ENOENT\): was it removed or renamed\?\n {2}hint: change to a folder that is there/,
    ],
    [
      'a start with too few open files',
      'ulimit -n 24; node MAIN levers',
      /^shapewise {2}too few files may be open at once to start \(EMFILE\)\n {2}hint: raise the limit, as with `ulimit -n 1024`\n$/,
    ],
    [
      'a command with too few open files',
      'ulimit -n 34; node MAIN run scenarios/demo.yaml --format json',
      /cannot be used \(EMFILE: too many open files\)\n {2}hint: raise the number of files that may be open at once/,
    ],
  ])('%s ends with a sentence', (_, line, says) => {
    const called = line.replace('node MAIN', `"${process.execPath}" "${MAIN}"`)
    const { status, stderr } = spawnSync('bash', ['-c', called], { cwd: newFolder(), encoding: 'utf8' })
    expect(stderr).toMatch(says)
    expect(status).toBe(2)
  })

  it('goes on when nobody reads its remarks', () => {
    const dir = newFolder()
    put(dir, 'trace.csv', CSV)
    const line = `"${process.execPath}" "${MAIN}" run trace.csv --format json 2>&1 >out.json | true`
    expect(spawnSync('bash', ['-o', 'pipefail', '-c', line], { cwd: dir }).status).toBe(0)
    expect(JSON.parse(readFileSync(join(dir, 'out.json'), 'utf8')).arm.name).toBe('static')
  })
  it.each([
    ['Ctrl-C', ['SIGINT']],
    ['a terminal that closes', ['SIGHUP']],
    ['Ctrl-C twice', ['SIGINT', 'SIGINT']],
  ] as const)('%s ends a long run with 130 and leaves nothing on disk', async (_, signals) => {
    const dir = newFolder()
    const rows = Array.from({ length: 400_000 }, (_, i) => `${(i / 60).toFixed(3)},1000,200`)
    const file = put(dir, 'long.csv', `arrival_s,input_tokens,output_tokens\n${rows.join('\n')}\n`)
    const child = spawn(process.execPath, [MAIN, 'run', file, '--out', 'result'], { cwd: dir })
    let stderr = ''
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString()
    })
    await new Promise((resolve) => setTimeout(resolve, 1500))
    // a second signal may meet a process whose handlers are gone already: then it ends it, and a shell says 130 for that too
    const isSecond = signals.length > 1
    const ended = new Promise((resolve) => {
      child.on('exit', (code, signal) => resolve(signal !== null && isSecond ? 128 + constants.signals[signal] : code))
    })
    for (const signal of signals) {
      child.kill(signal)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    const status = await ended
    expect(stderr).toMatch(/interrupted; nothing was written|shapewise: stopped/)
    expect(status).toBe(130)
    expect(existsSync(join(dir, 'result'))).toBe(false)
    expect(readdirSync(dir)).toEqual(['long.csv'])
  })

  it('Ctrl-C that comes while a finished run is written does not say that nothing was', async () => {
    const dir = newFolder()
    const rows = Array.from({ length: 200_000 }, (_, i) => `${(i / 60).toFixed(3)},100,2`)
    const file = put(dir, 'long.csv', `arrival_s,input_tokens,output_tokens\n${rows.join('\n')}\n`)
    const args = ['run', file, '--format', 'json', '--export-trace', 'sent.swt.gz']
    const interrupted = async () => {
      const child = spawn(process.execPath, [MAIN, ...args], { cwd: dir })
      let said = ''
      child.stderr.on('data', (chunk: Buffer) => {
        said += chunk.toString()
      })
      let sent = false
      const watch = setInterval(() => {
        if (!sent && readdirSync(dir).length > 1) sent = child.kill('SIGINT')
      }, 2)
      child.stdout.resume()
      const status = await new Promise((resolve) => child.on('close', resolve))
      clearInterval(watch)
      expect(readdirSync(dir).sort()).toEqual(['long.csv', 'sent.swt.gz'])
      rmSync(join(dir, 'sent.swt.gz'))
      return { status, said }
    }
    // where the machine is busy the signal may come when the run has ended
    let end = await interrupted()
    for (let tries = 1; end.status === 0 && tries < 5; tries++) end = await interrupted()
    expect(end.said).toMatch(/interrupted; too late: all that was asked for is written/)
    expect(end.status).toBe(130)
  })

  it('a policy with arguments is told of with these', () => {
    const dir = newFolder()
    const { stdout } = shapewise(dir, 'levers', 'fixed-size(777)')
    expect(stdout).toMatch(/^fixed-size\(777\) {2}\(lever split\)/)
    const [told] = JSON.parse(shapewise(dir, 'levers', 'kv-aware(w=2)', '--format', 'json').stdout)
    expect(told).toMatchObject({ name: expect.stringMatching(/^kv-aware\(w=2/), shape_aware: true, oracle: false })
    expect(told.needs).toEqual(['an engine with a prefix cache'])
    expect(Object.keys(told).filter((key) => /[A-Z]/.test(key))).toEqual([])
  })

  it('a reader that goes away is no error', async () => {
    const child = spawn(process.execPath, [MAIN, 'levers', '--format', 'json'])
    child.stdout.destroy()
    const status = await new Promise((resolve) => child.on('exit', resolve))
    expect(status).toBe(0)
  })
})

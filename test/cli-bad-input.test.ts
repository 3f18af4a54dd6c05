/** Every mistake ends with exit code 2, a sentence that names it on stderr, and nothing on stdout. */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { MAIN, newFolder, put, shapewise } from './cliRunner.js'

const HEADER = 'arrival_s,input_tokens,output_tokens\n'
const GOOD = `${HEADER}0,100,10\n1,200,20\n2,300,30\n`
const SCENARIO =
  'system: gb200\nmodel: llama-3.1-70b\nengines:\n  - layout: TP4\n    count: 1\nworkload:\n  path: good.csv\n  load: {method: as_recorded}\n'
const dir = newFolder()
put(dir, 'good.csv', GOOD)
put(dir, 's.yaml', SCENARIO)
const csv = (name: string, rows: string): string => put(dir, name, HEADER + rows)
put(dir, 'lengths.csv', `input_tokens,output_tokens\n${'500,20\n'.repeat(30)}`)
csv('sixty.csv', Array.from({ length: 60 }, (_, i) => `${i},500,20`).join('\n'))
const many = (bad: string): string =>
  Array.from({ length: 30 }, (_, i) => (i % 2 ? bad.replace('T', String(i)) : `${i},100,10`)).join('\n')
/** As long as a name may be, but for what is put around it. */
const LONG = 'a'.repeat(255)
mkdirSync(join(dir, 'full'))
put(join(dir, 'full'), 'kept.txt', 'mine')
mkdirSync(join(dir, 'locked'))
chmodSync(join(dir, 'locked'), 0o500)

const utf16 = (name: string, text: string): string => put(dir, name, Buffer.from(`\ufeff${text}`, 'utf16le'))
const latin1 = (name: string, text: string): string => put(dir, name, Buffer.from(text, 'latin1'))
const UTF16 = 'the file is UTF-16 text, which is not read\n {2}hint: save it as UTF-8'
const LATIN1 = 'line 2 is not UTF-8 text\n {2}hint: save the file as UTF-8'

/** Name, arguments, what stderr must say. */
const CASES: readonly (readonly [string, readonly string[], RegExp])[] = [
  ['unknown verb', ['simulate', 'good.csv'], /shapewise {2}unknown (argument|command)/],
  ['no scenario', ['ablate'], /^shapewise ablate {2}got 0 arguments, expected at least 1\n {2}hint: `shapewise ablate --help`/],
  ['misspelt verb', ['comapre', 's.yaml'], /did you mean compare\?/],
  ['unknown verb of trace', ['trace', 'visualise'], /trace {2}there is no verb 'visualise'\n.*allowed: inspect, diff/],
  ['trace without a verb', ['trace'], /trace {2}name a verb/],
  [
    'a seed where nothing is drawn',
    ['trace', 'inspect', 'good.csv', '--seed', '3'],
    /--seed {2}has no effect here: without --spread-ticks nothing is drawn/,
  ],
  ['no verb', [], /no command given/],
  ['unknown flag', ['run', 'good.csv', '--sead', '3'], /unknown arguments?: sead/],
  ['flag of another verb', ['plan', 's.yaml', '--threads', '2'], /unknown argument: threads/],
  ['flag without value', ['run', 'good.csv', '--seed'], /^shapewise run {2}--seed needs a value/],
  ['flag given twice', ['run', 'good.csv', '--seed', '1', '--seed', '2'], /--seed {2}given 2 times/],
  ['bad format', ['run', 'good.csv', '--format', 'xml'], /Argument: format, Given: "xml", Choices: "table", "json"/],
  ['bad seed', ['run', 'good.csv', '--seed', '1.5'], /--seed {2}expected a whole number from 0 to \d+, got '1\.5'/],
  ['bad threads', ['compare', 's.yaml', '--threads', '0'], /--threads {2}expected a whole number from 1 to 256, got '0'/],
  ['seed given in two ways', ['run', 's.yaml', '--seed', '2', '--set', 'experiment.seed=3'], /--seed {2}the seed is given twice/],
  [
    'seed given in two ways, one in a section',
    ['compare', 's.yaml', '--seed', '2', '--set', 'experiment={seed: 3}'],
    /--seed {2}the seed is given twice, by --seed and by --set experiment=\{seed: 3\}\n {2}hint: keep one/,
  ],
  [
    'a trace beside another one',
    ['run', 'good.csv', '--set', 'workload.path=sixty.csv'],
    /--set workload\.path=sixty\.csv {2}takes the place of good\.csv, which would not be read/,
  ],
  [
    'a trace beside a preset',
    ['run', 'good.csv', '--set', 'workload={preset: batch}'],
    /--set workload=\{preset: batch\} {2}takes the place of good\.csv too, which is part of that section/,
  ],
  [
    'a key given twice',
    ['plan', 's.yaml', '--set', 'experiment.seed=7', '--set', 'experiment.seed=5'],
    /--set experiment\.seed=5 {2}gives anew what --set experiment\.seed=7 gives/,
  ],
  ['overwrite without out', ['run', 'good.csv', '--overwrite'], /--overwrite {2}has no effect without --out/],
  [
    'resolved with json',
    ['plan', 's.yaml', '--resolved', '--format', 'json'],
    /--resolved {2}prints YAML and has no effect with --format json/,
  ],
  ['set without =', ['plan', 's.yaml', '--set', 'racks'], /--set racks/],
  [
    'set of a mapping without a space after the colon',
    ['plan', 's.yaml', '--set', 'arms.mine={split:length-aware}'],
    /arms\.mine\.split:length-aware: unknown key\n {2}hint: write a space after the colon; allowed: split/,
  ],
  [
    'set of an unknown key',
    ['plan', 's.yaml', '--set', 'enginez.0.count=2'],
    /--set enginez\.0\.count=2 {2}enginez: unknown key/,
  ],
  [
    'a number with separators',
    ['plan', 's.yaml', '--set', 'engines.0.count=1_000'],
    /hint: write the digits alone, without separators/,
  ],
  ['a decimal comma', ['plan', 's.yaml', '--set', 'slo.interactive.tpot_ms=22,5'], /hint: write a point before the decimals/],
  ['set of a wrong type', ['plan', 's.yaml', '--set', 'experiment.replicates=many'], /--set experiment\.replicates/],
  [
    'unknown key',
    ['plan', put(dir, 'unknown.yaml', `${SCENARIO}experment: {seed: 1}\n`)],
    /unknown\.yaml:9:1 .*experment[\s\S]*experiment/,
  ],
  [
    'wrong unit',
    ['plan', put(dir, 'unit.yaml', `${SCENARIO}slo: {interactive: {ttft_s: 2}}\n`)],
    /unit\.yaml:9:\d+ .*ttft_s[\s\S]*ttft_ms/,
  ],
  ['negative number', ['plan', 's.yaml', '--set', 'engines.0.count=-1'], /--set engines\.0\.count/],
  ['weights that do not fit', ['plan', 's.yaml', '--set', 'model=deepseek-r1', '--set', 'engines.0.layout=TP1'], /weight|HBM/i],
  ['zero KV blocks', ['plan', 's.yaml', '--set', 'engines.0.num_gpu_blocks=0'], /num_gpu_blocks/],
  [
    'KV blocks for less than one request',
    ['plan', 's.yaml', '--set', 'engines.0.num_gpu_blocks=10'],
    /num_gpu_blocks|max_model_len/,
  ],
  ['option without effect', ['plan', 's.yaml', '--set', 'workload.load.rate_per_s=5'], /rate_per_s/],
  ['not built yet', ['plan', 's.yaml', '--set', 'engines.0.role=prefill'], /prefill/],
  ['missing scenario', ['plan', 'none.yaml'], /none\.yaml {2}no such file/],
  ['a scenario in UTF-16', ['plan', utf16('wide.yaml', SCENARIO)], new RegExp(`^wide\\.yaml {2}${UTF16}`)],
  [
    'a scenario in UTF-16 without a mark',
    ['plan', put(dir, 'bare.yaml', Buffer.from(SCENARIO, 'utf16le'))],
    new RegExp(`^bare\\.yaml {2}${UTF16}`),
  ],
  ['a scenario in Latin-1', ['plan', latin1('old.yaml', `#\n# für\n${SCENARIO}`)], new RegExp(`^old\\.yaml {2}${LATIN1}`)],
  ['rows in UTF-16', ['validate', '--rows', utf16('wide.csv', GOOD)], new RegExp(`^wide\\.csv {2}${UTF16}`)],
  ['rows in Latin-1', ['validate', '--rows', latin1('old.csv', 'a,b\n1,ü\n')], new RegExp(`^old\\.csv {2}${LATIN1}`)],
  ['a policy in UTF-16', ['check', utf16('wide.ts', 'export default 1')], new RegExp(`^wide\\.ts {2}${UTF16}`)],
  [
    'a recipe in Latin-1',
    ['trace', 'synth', latin1('mine.yaml', 'a: 1\nb: ü\n'), 'x.csv'],
    new RegExp(`^mine\\.yaml {2}${LATIN1}`),
  ],
  [
    'a model in UTF-16',
    ['plan', 's.yaml', '--set', `model=./${utf16('m.json', '{}')}`],
    /m\.json[^\n]* the file is UTF-16 text, which is not read\n {2}hint: /,
  ],
  ['a scenario whose name would be no URL', ['plan', 'scenarios/a%2Fb%zz.yaml'], /^scenarios\/a%2Fb%zz\.yaml {2}no such file/],
  [
    'a path with a NUL',
    ['run', 's.yaml', '--set', 'workload.path="a\\u0000b"'],
    /^--set workload\.path="a\\u0000b" {2}workload\.path: expected the path of a trace, without control characters/,
  ],
  ...(['plan', 'run'] as const).flatMap((verb): (typeof CASES)[number][] => [
    [
      `${verb} of a missing trace`,
      [verb, 's.yaml', '--set', 'workload.path=nope.csv'],
      /^nope\.csv {2}there is no such trace file\n {2}hint: check the path$/m,
    ],
    [
      `${verb} of a folder`,
      [verb, 's.yaml', '--set', 'workload.path=full'],
      /^full {2}this is a directory, not a trace file\n {2}hint: name one file in it$/m,
    ],
  ]),
  [
    'a trace as a scenario',
    ['compare', 'good.csv'],
    /good\.csv {2}is not a scenario.*\n {2}hint: .*compare scenarios\/demo\.yaml --set workload\.path=FILE/,
  ],
  ['missing trace', ['run', 'none.csv'], /none\.csv/],
  ['standard input', ['run', '-'], /^- {2}standard input is not read\n {2}hint: write it to a file/],
  ['standard input in the place of any file', ['trace', 'diff', 'good.csv', '-'], /^- {2}standard input is not read/],
  ['a variable of the shell that is not set', ['run', ''], /an argument is empty\n {2}hint: .*not set/],
  ['a folder as a trace', ['run', 'full'], /full/],
  ['empty trace', ['run', put(dir, 'empty.csv', '')], /empty\.csv .*empty/i],
  ['header alone', ['run', put(dir, 'header.csv', HEADER)], /header\.csv/],
  [
    'binary garbage',
    [
      'run',
      put(
        dir,
        'noise.csv',
        Uint8Array.from({ length: 4096 }, (_, i) => (i * 7919) % 256),
      ),
    ],
    /noise\.csv/,
  ],
  ['truncated gz', ['run', put(dir, 'cut.csv.gz', gzipSync(GOOD.repeat(50)).subarray(0, 60))], /cut\.csv\.gz/],
  ['negative lengths', ['run', csv('negative.csv', many('T,-5,10'))], /negative\.csv[\s\S]*(line|:)/],
  ['NaN lengths', ['run', csv('nan.csv', many('T,NaN,10'))], /nan\.csv/],
  ['huge lengths', ['run', csv('huge.csv', many('T,99999999999,10'))], /huge\.csv/],
  ['missing fields in the middle', ['run', csv('fields.csv', many('T,5'))], /fields\.csv/],
  [
    'a factor at which the trace outlasts what is simulated',
    ['run', 's.yaml', '--set', 'workload.load={method: speed_up, speed_up: 1e-300}'],
    /workload\.load\.speed_up {2}at 1e-300 times the recorded rate good\.csv lasts longer than 104 days[\s\S]*hint: 2\.23e-7 is the smallest/,
  ],
  [
    'such a factor in a comparison',
    ['compare', 's.yaml', '--set', 'workload.path=sixty.csv', '--set', 'workload.load={method: speed_up, speed_up: 1e-300}'],
    /workload\.load\.speed_up {2}at 1e-300 times/,
  ],
  [
    'a factor at which no window of a comparison ends',
    ['ablate', 's.yaml', '--set', 'workload.path=sixty.csv', '--set', 'workload.load={method: speed_up, speed_up: 1e-5}'],
    /workload\.load {2}at 0\.00001 requests\/s enough requests take longer than 104 days.*\n {2}hint: ask for a larger factor/,
  ],
  [
    'a rate at which no window ends',
    ['run', 's.yaml', '--set', 'workload.path=sixty.csv', '--set', 'workload.load={method: superpose, rate_per_s: 1e-300}'],
    /workload\.load {2}at 1e-300 requests\/s enough requests take longer than 104 days.*\n {2}hint: ask for a larger rate/,
  ],
  [
    'times in ms that nothing says to be so',
    ['run', put(dir, 'ms.csv', '1700000000000,10,5\n1700000001500,10,5\n1700000002700,10,5\n')],
    /ms\.csv {2}the times, such as 1700000000000, are too large[\s\S]*hint: say the unit: workload\.read\.time_unit=ms /,
  ],
  ['unknown arm', ['run', 'good.csv', '--arm', 'fast'], /--arm {2}there is no arm 'fast' here\n.*or as NAME=LEVER:POLICY/],
  [
    'an arm of one policy without a name',
    ['run', 'good.csv', '--arm', 'rank:random'],
    /hint: give it a name: --arm mine=rank:random/,
  ],
  ['misspelt arm', ['run', 'good.csv', '--arm', 'shapeaware'], /did you mean 'shape-aware'\?/],
  [
    'misspelt policy of an arm',
    ['plan', 's.yaml', '--set', 'arms={mine: {split: lenght-aware}}'],
    /arms\.mine\.split[\s\S]*did you mean 'length-aware'/,
  ],
  [
    'replicates of a single simulation',
    ['run', 's.yaml', '--set', 'experiment.replicates=4'],
    /--set experiment\.replicates=4 {2}has no effect here: `run` makes one simulation; `compare` makes replicates/,
  ],
  [
    'a share that must meet the SLO where no capacity is sought',
    ['run', 's.yaml', '--set', 'slo.interactive.attainment=0.99'],
    /--set slo\.interactive\.attainment=0\.99 {2}has no effect here: `run` looks for no capacity/,
  ],
  [
    'warm-up of a whole trace',
    ['run', 's.yaml', '--set', 'experiment.warmup=4'],
    /--set experiment\.warmup=4 {2}has no effect here/,
  ],
  [
    'copies of a table of lengths',
    ['compare', 's.yaml', '--set', 'workload.path=lengths.csv', '--set', 'workload.load={method: superpose, rate_per_s: 5}'],
    /lengths\.csv {2}a comparison tunes .* its 30 requests have no times, or one and the same\n {2}hint: name the column of times .*closed_loop/,
  ],
  [
    'window of a whole trace',
    ['run', 's.yaml', '--set', 'experiment.measure=80'],
    /--set experiment\.measure=80 {2}has no effect here/,
  ],
  [
    'trace too thin for copies',
    ['run', 's.yaml', '--set', 'workload.load.method=superpose', '--set', 'workload.load.rate_per_s=5'],
    /good\.csv {2}superposed copies are drawn from halves .* each half needs 20/,
  ],
  [
    'fraction of a capacity that does not exist',
    [
      'run',
      's.yaml',
      ...[
        'workload.path=sixty.csv',
        'workload.load.method=superpose',
        'workload.load.fraction=0.5',
        'slo={interactive: {tpot_ms: 0.1}}',
      ].flatMap((set) => ['--set', set]),
    ],
    /workload\.load\.fraction {2}the static arm meets the SLO at no load/,
  ],
  [
    'tuned arm outside a comparison',
    ['run', 'good.csv', '--arm', 'tuned-static'],
    /tuned on the trace by `shapewise compare`, which prints it as a text for --arm/,
  ],
  ['trace too short to compare', ['compare', 's.yaml', '--threads', '1'], /each half needs 20 or more/],
  ['existing output folder', ['run', 'good.csv', '--out', 'full'], /--out full/],
  [
    'two outputs in one place',
    ['run', 'good.csv', '--stop-at', '1', '--save-state', 'one.swt', '--export-trace', './one.swt'],
    /--export-trace \.\/one\.swt {2}would be written to the same place as --save-state one\.swt/,
  ],
  [
    'a file in the folder that is replaced',
    ['run', 'good.csv', '--stop-at', '1', '--save-state', 'full/st', '--out', 'full', '--overwrite'],
    /--save-state full\/st {2}would be written to the same place as --out full/,
  ],
  [
    'output folder with a long name',
    ['run', 'good.csv', '--out', LONG],
    /--out a+ {2}cannot write here \(ENAMETOOLONG: name too long\)/,
  ],
  ['scenario with a long name', ['plan', `${LONG}.yaml`], /a+\.yaml {2}cannot be read: ENAMETOOLONG/],
  ['a trace below a file', ['run', 'good.csv/x.csv'], /good\.csv\/x\.csv {2}cannot be used \(ENOTDIR: not a directory\)/],
  [
    'a role of columns that is none',
    ['trace', 'inspect', 'good.csv', '--columns', 'toString=1'],
    /--columns {2}expected ROLE=COLUMN, got 'toString=1'/,
  ],
  ['not a run folder', ['report', 'full'], /not a run folder/],
  ['unreadable batch', ['explain', 's.yaml', '--batch', '64*100'], /--batch {2}cannot read '64\*100'/],
  [
    'batch longer than the context',
    ['explain', 's.yaml', '--batch', '1x900000'],
    /--batch {2}a length of 900000 tokens, more than max_model_len/,
  ],
  ...['experiment.seed=3', 'admission.max_queue=5', 'workload.load.method=as_recorded', 'slo={interactive: {ttft_ms: 5}}'].map(
    (set): [string, string[], RegExp] => [
      `a key that no price depends on: ${set}`,
      ['explain', 's.yaml', '--batch', '4x100', '--set', 'engines.0.count=2', '--set', set],
      /^--set (?!engines).* {2}has no effect here: what a step costs depends on system, model and engines/,
    ],
  ),
  ['unknown policy', ['levers', 'magic'], /no lever or policy is named 'magic'/],
  [
    'argument of a policy',
    ['levers', 'fixed-size(0)', '--format', 'json'],
    /levers {2}tokens of fixed-size must lie in .*, not 0/,
  ],
  ['convert over an existing file', ['trace', 'convert', 'good.csv', 's.yaml', '--to', 'csv'], /s\.yaml {2}exists already/],
]

describe('mistakes on the command line', () => {
  it.each(CASES)('%s', (_, args, says) => {
    const { status, stdout, stderr } = shapewise(dir, ...args)
    expect(stderr).toMatch(says)
    expect(stdout).toBe('')
    expect(status).toBe(2)
  })

  it.skipIf(process.getuid?.() === 0)('unwritable folder (the superuser may write anywhere: skipped for it)', () => {
    const { status, stderr } = shapewise(dir, 'run', 'good.csv', '--out', 'locked/run')
    expect(stderr).toMatch(/--out locked\/run/)
    expect(status).toBe(2)
  })

  it('a pipe in the place of a model, a recipe or a saved state is refused', () => {
    const folder = newFolder()
    spawnSync('mkfifo', [join(folder, 'pipe.json'), join(folder, 'pipe.yaml')])
    const plan = shapewise(folder, 'plan', 'scenarios/demo.yaml', '--set', 'model=./pipe.json')
    expect([plan.status, plan.stderr]).toEqual([
      2,
      expect.stringContaining('cannot read the model file: a pipe: write it to a file first'),
    ])
    const synth = shapewise(folder, 'trace', 'synth', 'pipe.yaml', 'x.csv')
    expect([synth.status, synth.stderr]).toEqual([
      2,
      expect.stringContaining('cannot read the recipe: a pipe: write it to a file first'),
    ])
    const warm = shapewise(folder, 'run', 'scenarios/demo.yaml', '--warm-from', 'pipe.json')
    expect([warm.status, warm.stderr]).toEqual([
      2,
      expect.stringContaining('--warm-from pipe.json  cannot be read (a pipe: write it to a file first)'),
    ])
  })

  it('a pipe of the shell is read in the place of a model', () => {
    const model = fileURLToPath(new URL('../data/models/llama-3.1-70b.json', import.meta.url))
    const plan = `"${process.execPath}" "${MAIN}" plan scenarios/demo.yaml --set model=/dev/stdin`
    const { status, stderr } = spawnSync('sh', ['-c', `cat "${model}" | ${plan}`], { cwd: newFolder(), encoding: 'utf8' })
    expect([status, stderr]).toEqual([0, ''])
  })

  it('an output path below a file is refused', () => {
    const { status, stderr } = shapewise(dir, 'run', 'good.csv', '--out', 'good.csv/run')
    expect(stderr).toMatch(/--out good\.csv\/run/)
    expect(status).toBe(2)
  })
})

it('a key of the workload without which the engines of a step would be refused is no mistake', () => {
  const caching = SCENARIO.replace('count: 1', 'enable_prefix_caching: true').replace('  load:', '  cache_answers: true\n  load:')
  put(dir, 'answers.yaml', caching)
  const explain = ['explain', 'answers.yaml', '--batch', '4x100', '--set', 'engines.0.enable_prefix_caching=false']
  expect(shapewise(dir, ...explain).status).toBe(2)
  expect(shapewise(dir, ...explain, '--set', 'workload.cache_answers=false')).toMatchObject({ status: 0, stderr: '' })
})

it('work that stops before its end, since nothing is left to go on with it, is told as a fault of ours', () => {
  const hang =
    'import fs from "node:fs/promises"; import m from "node:module"; fs.open = () => new Promise(() => {}); m.syncBuiltinESMExports()'
  const args = ['--import', `data:text/javascript,${hang}`, MAIN, 'trace', 'inspect', 'good.csv']
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: dir, encoding: 'utf8' })
  expect(stderr).toBe('shapewise: internal error, please report it with the command line\nthe work stopped before its end\n')
  expect(status).toBe(1)
})

describe('odd rows that are no reason to stop', () => {
  it('a bad row in the middle is skipped and named with its line', () => {
    const rows = Array.from({ length: 300 }, (_, i) => (i === 150 ? '150,abc,10' : `${i},100,10`)).join('\n')
    const { status, stderr } = shapewise(dir, 'run', csv('middle.csv', rows), '--format', 'json')
    expect(stderr).toMatch(/line 152/)
    expect(status).toBe(0)
  })

  it('times out of order are sorted and counted', () => {
    const { status, stderr } = shapewise(dir, 'run', csv('order.csv', '0,10,5\n2,10,5\n1,10,5\n'), '--format', 'json')
    expect(stderr).toMatch(/order|sorted/)
    expect(status).toBe(0)
  })

  it('a last answer long after the last arrival is told, for rates are means over all of it', () => {
    const every = (gapS: number) => csv('tail.csv', Array.from({ length: 40 }, (_, i) => `${i * gapS},10,500\n`).join(''))
    const told = (gapS: number, ...more: string[]) => shapewise(dir, 'run', every(gapS), '--format', 'json', ...more).stderr
    const early = /the last request that waits for no other is sent at 0\.39 s, .* until all is answered, \d/
    expect(told(0.01)).toMatch(early)
    // not a time of the trace, where that is sped up
    expect(told(1, '--set', 'workload.load={method: speed_up, speed_up: 100}')).toMatch(early)
    expect(told(1)).not.toMatch(/the last request/)
  })

  it('a request longer than the context is counted as unservable', () => {
    const { status, stdout, stderr } = shapewise(dir, 'run', csv('long.csv', '0,10,5\n1,900000,5\n'), '--format', 'json')
    expect(stderr).toMatch(/warning: 1 request is longer than the engines take, 131072 tokens \(max_model_len\)/)
    expect(JSON.parse(stdout).summary.requests.unservable).toBe(1)
    expect(status).toBe(0)
  })
})

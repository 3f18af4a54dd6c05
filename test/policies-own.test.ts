/** Policies that come from outside: what a file may be, and what the guard around their decisions sees. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { PolicyError, UserError } from '../src/errors.js'
import { createArm, parsePolicy } from '../src/levers/catalogue.js'
import {
  type Arm,
  type AssignView,
  type ChunkPolicy,
  type EngineStepView,
  LEVERS,
  type LeverName,
  type LoadView,
  type MigrateView,
  type PoolPolicy,
  type RankPolicy,
  type RolesView,
  type SplitPolicy,
} from '../src/levers/lever.js'
import { createSplitDecision } from '../src/levers/split/decision.js'
import { beatInto, decisionUnderWay, guarded, HEARTBEAT, openPolicyFiles, readPolicyFile } from '../src/policies/index.js'
import type { PolicyShape } from '../src/policies/shape.js'
import { loadScenario } from '../src/scenario/index.js'
import { movingScenario, rolesScenario, type Scenario, scenario } from '../src/testing/arbitraries.js'
import { recordObjects, runFast } from '../src/testing/run.js'
import { newFolder } from './cliRunner.js'

openPolicyFiles()
const folder = newFolder()
let files = 0

/** A file with this text; a new one each time, since a process reads a file once. */
function file(text: string, ending = 'ts'): string {
  const path = join(folder, `policy-${files++}.${ending}`)
  writeFileSync(path, text)
  return path
}

const info = (lever: LeverName, name = 'mine') =>
  `info: { lever: '${lever}', name: '${name}', shapeAware: false, hooks: [], inputs: [], signalAge: 'now', complexity: 'O(1)', wins: 'w', loses: 'l', source: 's' }`

/** A rank policy whose place() has this body. */
const placing = (body: string, before = '', more = ''): string =>
  `${before}\nexport default () => ({ ${info('rank')}, ${more} place(view: any, request: any): number { ${body} } })\n`

const sample = fc.sample(scenario, { numRuns: 60, seed: 11 })
/** Scenarios with something to place, on engines of two ranks or more. */
const wide = sample
  .filter(({ config, untilNs }) => untilNs === undefined && config.engines.every(({ ranks }) => ranks > 1))
  .slice(0, 3)

function withRank(drawn: Scenario, rank: () => RankPolicy): Scenario {
  return { ...drawn, arm: () => ({ ...drawn.arm(), rank: rank() }) }
}

const failure = (action: () => unknown): UserError => {
  try {
    action()
  } catch (error) {
    if (error instanceof UserError || error instanceof PolicyError) return error as UserError
    throw error
  }
  throw new Error('nothing was thrown')
}

test.each([
  ['async function later() { throw new Error("later") }\nlater()', /:1 is async, and a policy decides at once/],
  ['// async function\nconst later = async (x) => x', /:2 is async/],
  ['const o = { async later() {} }', /:1 is async/],
  ['class Planner { async *later() {} }', /:1 is async/],
  ["const o = { async ['later']() {} }", /:1 is async/],
  ["const o = { async 'later'() {} }", /:1 is async/],
  ['class Planner { async #later() {} }', /:1 is async/],
  ['const later = async <T>(x: T) => x', /:1 is async/],
  ['const later = () => import("node:fs")', /:1 imports while it runs/],
  ['\nconst later = await 0', /:2 awaits, and a policy decides at once/],
])('what happens later is refused when the file is read: %s', (before, told) => {
  const error = failure(() => parsePolicy('rank', file(placing('return 0', before))))
  expect(error).toBeInstanceOf(UserError)
  expect(error.message).toMatch(told)
})

test('async may be a name or a word, and a type may be imported where it stands', () => {
  const before =
    'const async = 1; const o = { async: 3, await: 4, text: "async function f() {}" }; const sum = o.async + async\n' +
    "type Rank = import('shapewise').RankPolicy; interface Later { async(): typeof import('shapewise') }"
  expect(parsePolicy('rank', file(placing('return 0', before)))().place).toBeTypeOf('function')
})

describe('a file', () => {
  const open = (path: string) => parsePolicy('rank', path, 'arms.mine.rank')

  test('of TypeScript or JavaScript makes fresh policies, and its hash is of its text', () => {
    const typed = file(
      placing('return Rank.First satisfies number', "import type { RankPolicy } from 'shapewise'\nenum Rank { First }"),
    )
    const make = open(typed)
    expect(make().info).toMatchObject({ name: 'mine', file: typed })
    expect(make()).not.toBe(make())
    expect(readPolicyFile(typed, 'x').hash).toMatch(/^[0-9a-f]{12}$/)
    const plain = file(
      `import { SPLIT_SIZE } from 'shapewise'\nexport default function () { return { ${info('split')}, planningPs: 0, plan(b, m, out) { out.kind = SPLIT_SIZE; out.value = 64; out.longestFirst = false } } }`,
      'mjs',
    )
    expect(parsePolicy('split', plain)().info.lever).toBe('split')
  })

  test('may make an object of a class', () => {
    const made = file(
      `class Turn { info = ({ ${info('rank')} }).info; next = 1; place() { return this.turn() } turn() { return this.next++ } }\nexport default () => new Turn()`,
    )
    expect(open(made)().place?.({ count: 4 } as LoadView, { inputTokens: 1, classId: 0, tenant: 0 })).toBe(1)
  })

  test('may have methods of its own', () => {
    const made = file(placing('return this._plase() + this.replace()', '', '_plase() { return 1 }, replace: () => 1,'))
    expect(open(made)().place?.({ count: 4 } as LoadView, { inputTokens: 1, classId: 0, tenant: 0 })).toBe(2)
  })

  test('may tell by getters of a class what it is, costs and remembers', () => {
    const made = file(
      `class Told { #kept = new Float64Array(1); get info() { return ({ ${info('split')} }).info } get planningPs() { return 700 } get state() { return this.#kept } plan() {} }\nexport default () => new Told()`,
    )
    expect(parsePolicy('split', made)()).toMatchObject({ planningPs: 700, state: { length: 1 } })
  })

  test('prints on stderr what it is given, numbers that JSON has not and circles too', () => {
    const { stderr } = process
    const write = vi.spyOn(stderr, 'write').mockReturnValue(true)
    const text =
      'const o = {}; o.o = o\nconsole.log(NaN, -0, "a", [1, Infinity], new Float64Array(2), 1n, o, undefined)\nconsole.table([1])'
    failure(() => open(file(text)))
    const lines = write.mock.calls.map(([line]) => line)
    write.mockRestore()
    expect(lines).toEqual(['NaN -0 a [1,"Infinity"] [0,0] 1 [object Object] undefined\n', '[1]\n'])
  })

  test('keeps nothing in its module from one simulation to the next', () => {
    const make = open(file(placing('return seen++', 'let seen = 0')))
    const view = { count: 2 } as Parameters<NonNullable<RankPolicy['place']>>[0]
    const request = { inputTokens: 1, classId: 0, tenant: 0 }
    const [first, second] = [make(), make()]
    expect([first, first, second].map((policy) => policy.place?.(view, request))).toEqual([0, 1, 0])
  })

  test.each<[string, string, RegExp]>([
    ['syntax', placing('return ('), /cannot be read: SyntaxError: Unexpected token.*\(2:\d+\)/],
    ['a thrown error', 'throw new RangeError("no")', /fails while it is loaded: RangeError: no \(.*:1/],
    [
      'fs',
      placing('return 0', "import fs from 'node:fs'\nfs.readFileSync('x')"),
      /may import from 'shapewise' alone, not from 'node:fs'/,
    ],
    ['a file beside it', placing('return 0', "import { x } from './other.js'\nx()"), /policy is one file/],
    ['the process', 'process.exit(3)', /process is not defined/],
    ['eval', 'eval("1")', /Code generation from strings disallowed/],
    ['the clock', 'const t = Date.now()\n', /the clock is not to be had inside a policy/],
    ['a new Date', 'const t = new Date()\n', /the clock is not to be had/],
    ['chance', 'const t = Math.random()\n', /Math\.random is not to be had inside a policy/],
    ['no default export', 'export const policy = 1', /has no function as its default export/],
    ['a policy and not its maker', `export default { ${info('rank')} }`, /has no function as its default export/],
    ['a maker that throws', 'export default () => { throw new Error("not today") }', /fails while it makes a policy: not today/],
    ['nothing made', 'export default () => undefined', /made a undefined, not a policy/],
    [
      'another lever',
      placing('return 0').replace("lever: 'rank'", "lever: 'pool'"),
      /info\.lever is "pool", and it is used as a rank policy/,
    ],
    ['no info', 'export default () => ({ place: () => 0 })', /info is missing/],
    ['a name that is no text', placing('return 0').replace("name: 'mine'", 'name: 7'), /info\.name must be a text/],
    ['an empty text', placing('return 0').replace("name: 'mine'", "name: ''"), /info\.name must be a text, and not an empty one/],
    ['a price of its own', placing('return 0', '', 'priceNs: () => 0,'), /priceNs is for oracles/],
    ['the clock by another name', 'new Intl.DateTimeFormat().format()', /Intl is not defined/],
    [
      'a way out by the constructor of what it is given',
      'exports.constructor.constructor("return process")()',
      /Code generation/,
    ],
    ['a way out by the console', 'console.log.constructor("return process")()', /Code generation/],
    ['an endless loop', 'for (;;) {}', /fails while it is loaded: it was ended after 5 s; look for an endless loop/],
    ['a maker that never ends', 'export default () => { for (;;) {} }', /fails while it makes a policy: it was ended after 5 s/],
    ['thrown objects that are empty', 'throw {}', /fails while it is loaded: threw an object that has no text$/m],
    [
      'thrown errors without a message',
      'throw new Error()',
      /: threw an object that has no text( \(.*policy-\d+\.ts:\d+(:\d+)?\))?$/m,
    ],
    ['thrown objects without a text', 'throw { message: Object.create(null) }', /threw an object that has no text/],
    ['a promise', 'Promise.resolve(0)', /Promise is not defined/],
    [
      'what shapewise has and a policy may not import',
      placing('return 0', "import { createArm } from 'shapewise'\ncreateArm()"),
      /'createArm' of shapewise is not to be had inside a policy, which may import types, SPLIT_COUNT, /,
    ],
    ['the language of the machine', '"a".localeCompare("b")', /localeCompare is not to be had inside a policy: it depends on/],
    ['a policy that cannot be looked at', 'export default () => new Proxy({}, { get() { throw 1 } })', /makes a policy: threw 1/],
    ['planning that costs no number', placing('return 0', '', 'planningPs: NaN,'), /planningPs must be the picoseconds/],
    [
      'a mistyped method',
      placing('return 0').replace('place(', 'plase('),
      /has the method place or assign, and this one has plase/,
    ],
    [
      'a method that it declares and lacks',
      placing('return 0').replace('hooks: []', "hooks: ['place', 'migrate']"),
      /info\.hooks names migrate: there is no such/,
    ],
    [
      'a method of another lever',
      placing('return 0').replace('hooks: []', "hooks: ['route']"),
      /a rank policy is asked place, assign, migrate/,
    ],
    [
      'a mistyped method beside the right one',
      placing('return 0', '', 'plase() {},'),
      /it has the method plase, which nobody calls: did you mean place\? one of its own needs another name, such as _plase/,
    ],
    [
      'a mistyped method of a class',
      `class Turn { info = ({ ${info('rank')} }).info; place() { return 0 } migate() {} }\nexport default () => new Turn()`,
      /it has the method migate, .* did you mean migrate\?/,
    ],
    [
      'a method that it has and does not declare',
      placing('return 0', '', 'migrate() {},').replace('hooks: []', "hooks: ['place']"),
      /info\.hooks does not name migrate, which it has/,
    ],
    ['two ways to choose a rank', placing('return 0', '', 'assign() {},'), /both place and assign/],
    [
      'planning that nothing charges',
      placing('return 0', '', 'planningPs: 5,'),
      /planningPs is charged to steps before which assign/,
    ],
    [
      'planning that is no time',
      placing('return 0', '', "planningPs: '5', migrate() {},"),
      /planningPs must be .* whole and >= 0/,
    ],
    ['planning that is not a number', placing('return 0', '', 'planningPs: NaN, migrate() {},'), /planningPs must be/],
    ...(
      [
        ['null', /info\.needs must be an object that says what engines must have/],
        ["['lanes']", /info\.needs must be an object/],
        ["{ lanes: '2' }", /info\.needs\.lanes must be a whole number >= 1/],
        ['{ stepTokens: NaN }', /info\.needs\.stepTokens must be a whole number >= 1/],
        ['{ severalRanks: true }', /info\.needs\.severalRanks must be a text that says what for/],
        ['{ gpus: 8 }', /info\.needs\.gpus is not known: engines can be asked for prefixCaches, severalRanks, lanes, stepTokens/],
      ] as const
    ).map(([needs, says]): [string, string, RegExp] => [
      `needs that are ${needs}`,
      placing('return 0').replace('hooks: []', `hooks: [], needs: ${needs}`),
      says,
    ]),
    ['a state of another kind', placing('return 0', '', 'state: [1],'), /state must be a Float64Array/],
  ])('with a fault is refused with its place and a remedy: %s', (_, text, message) => {
    const error = failure(() => open(file(text)))
    expect(error.message).toMatch(message)
    expect(error.faults[0]).toMatchObject({ where: 'arms.mine.rank', hint: expect.stringMatching(/\w/) })
  })

  test.each([
    ['that is not there', join(folder, 'nowhere.ts'), /no such file/],
    ['that is a folder', join(folder, '.'), /ends in \.ts/],
    ['of another kind', './policy.py', /ends in \.ts, \.mts, \.js or \.mjs/],
  ])('%s is refused', (_, path, message) => expect(failure(() => open(path)).message).toMatch(message))
})

test('a scenario that lacks what the policy of a file needs is refused', () => {
  const needs = "hooks: [], needs: { prefixCaches: 'looks into prefix caches' }"
  const path = file(placing('return 0').replace('hooks: []', needs))
  const scenario = (caching: boolean): string =>
    `system: gb200\nmodel: llama-3.1-70b\nengines: [{layout: TP4, enable_prefix_caching: ${caching}}]\nworkload: {preset: agent}\narms: {mine: {rank: ${path}}}\n`
  const open = (caching: boolean) => loadScenario({ text: scenario(caching), file: 'scenario.yaml' })
  expect(open(true).arms.map(({ name }) => name)).toEqual(['mine'])
  expect(failure(() => open(false)).message).toMatch(
    /arms\.mine\.rank: .*policy-\d+\.ts looks into prefix caches, and no engine has one/,
  )
})

describe('a decision under guard', () => {
  test.each<[string, string, RegExp]>([
    ['throws', 'null.x', /place threw: TypeError: .*policy-\d+\.ts:2:\d+\); it had read nothing/],
    [
      'returns NaN',
      'view.running(0); return NaN',
      /place returned NaN; a whole number from 0 to \d is due; it had read running\(0\)=\d/,
    ],
    ['returns a rank that is not there', 'return view.count', /returned \d; a whole number from 0 to/],
    ['returns a text', 'return "0" as any', /returned '0'/],
    ['returns nothing', 'return undefined as any', /returned undefined/],
    ['returns an object', 'return { then() {} } as any', /returned an object/],
    [
      'asks for a place that is not there',
      'return view.running(view.count)',
      /asks view\.running\(\d\), and there are places 0 to/,
    ],
    [
      'reads the output length',
      'return request.outputTokens',
      /reads request\.outputTokens, which is not there to be seen; there are inputTokens, classId, tenant/,
    ],
    ['reads it and hides that', 'try { return request.osl } catch { return 0 }', /reads request\.osl, which is not there/],
    ['writes to a view', 'view.count = 1; return 0', /writes to view\.count, which is read only/],
    ['throws an empty object', 'throw {}', /place threw an object that has no text; it had read nothing/],
    ['throws a text', 'throw "no"', /place threw no; it had read nothing/],
    ['returns a bigint', 'return 1n as any', /returned 1n/],
    [
      'asks past the shield',
      'return Object.getOwnPropertyDescriptor(view, "running")!.value(99)',
      /asks view\.running\(99\), and there are places 0 to/,
    ],
    [
      'changes what a view is',
      'view.__defineGetter__("count", () => 1); return 0',
      /reads view\.__defineGetter__, which is not there/,
    ],
    ['fixes a view', 'Object.preventExtensions(view); return 0', /changes view, which is read only/],
    ['writes to the request', 'request.inputTokens = 1; return 0', /writes to request\.inputTokens/],
    ['reads the clock', 'return Date.now() % 2', /the clock is not to be had/],
    ['draws', 'return Math.floor(Math.random() * view.count)', /Math\.random is not to be had/],
    ['replaces its state', 'this.state = new Float64Array(2); return 0', /replaced its state, whose length is fixed/],
  ])('that %s ends the run: policy, hook, event, request and input are named', (_, body, message) => {
    const path = file(placing(body, '', 'state: new Float64Array(1),'))
    const make = parsePolicy('rank', path, 'x')
    for (const drawn of wide) {
      const error = failure(() => runFast(withRank(drawn, make)))
      expect(error).toBeInstanceOf(UserError)
      expect(error.message).toMatch(message)
      expect(error.message).toMatch(/rank policy mine: place .*\[t = [\d.e-]+ s, event \d+, request \d+\]/s)
      expect(error.faults[0].where).toBe(path)
    }
  })

  test.each<[string, LeverName, string, RegExp]>([
    [
      'a budget that is not a number',
      'chunk',
      'readsCandidates: false, prefillTokens: () => NaN',
      /prefillTokens returned NaN; a whole number of tokens >= 1 is due, since nothing decodes/,
    ],
    [
      'a budget of 0 with nothing to wait for',
      'chunk',
      'readsCandidates: false, prefillTokens: () => 0',
      /returned 0; a whole number of tokens >= 1/,
    ],
    [
      'a write into the prompts',
      'chunk',
      'readsCandidates: true, prefillTokens(view) { view.remaining[0] = 1e9; return 8 }',
      /writes into view\.remaining/,
    ],
    [
      'a count that is not a number',
      'split',
      'planningPs: 0, plan(b, m, out) { out.kind = 0; out.value = 0 / 0; out.longestFirst = false }',
      /set out\.value to NaN/,
    ],
    [
      'a write into the lengths',
      'split',
      'planningPs: 0, plan(batch, m, out) { batch.lengths[0]++; out.kind = 0; out.value = 1; out.longestFirst = false }',
      /writes into batch\.lengths/,
    ],
    [
      'a write into the lengths themselves',
      'split',
      'planningPs: 0, plan(batch, m, out) { Object.getOwnPropertyDescriptor(batch, "lengths").value[0]++; out.kind = 0; out.value = 1; out.longestFirst = false }',
      /writes into batch\.lengths/,
    ],
    [
      'half a piece',
      'split',
      'planningPs: 0, plan(b, m, out) { out.kind = 0; out.value = 1.5; out.longestFirst = false }',
      /set out\.value to 1\.5; a whole number >= 1 is due/,
    ],
    [
      'a grid that no launch takes',
      'split',
      'planningPs: 0, plan(b, m, out) { out.kind = 4; out.value = 1e15; out.longestFirst = false }',
      /set out\.value to 1000000000000000; a whole number from 1 to 65535 is due/,
    ],
    [
      'what it had decided before',
      'split',
      'planningPs: 0, asked: 0, plan(b, m, out) { if (this.asked++ === 0) Object.assign(out, { kind: 0, value: 2, longestFirst: false }) }',
      /set out\.longestFirst to undefined/,
    ],
    [
      'pieces in an array of its own',
      'split',
      'planningPs: 0, plan({ n }, m, out) { out.kind = 2; out.longestFirst = false; out.pieces = new Int32Array(n).fill(1) }',
      /replaced out\.pieces or out\.launchOf, which it fills/,
    ],
    [
      'no piece at all',
      'split',
      'planningPs: 0, plan(batch, m, out) { out.kind = 2; out.pieces.fill(0); out.longestFirst = false }',
      /set out\.pieces\[0\] to 0/,
    ],
    [
      'planning that takes longer than all simulations',
      'split',
      'planningPs: () => 1e30, plan(b, m, out) { out.kind = 0; out.value = 1; out.longestFirst = false }',
      /planningPs returned 1e\+30; picoseconds from 0/,
    ],
  ])('of another lever: %s', (_, lever, body, message) => {
    const path = file(`export default () => ({ ${info(lever)}, ${body} })`)
    const make = parsePolicy(lever, path, 'x')
    const found = sample.map((drawn) => {
      try {
        runFast({ ...drawn, arm: () => ({ ...drawn.arm(), [lever]: make() }) as Arm })
        return ''
      } catch (error) {
        return (error as Error).message
      }
    })
    expect(found.find((text) => text !== '')).toMatch(message)
  })

  test('whether an engine changes its role is one', () => {
    const request = { inputTokens: 1, classId: 0, tenant: 0 }
    const switching = (answer: string) => {
      const path = file(`export default () => ({ ${info('pool')}, route: () => 0, switchRole: (view, request) => ${answer} })`)
      const policy = parsePolicy('pool', path, 'x')()
      return failure(() => policy.switchRole?.({ count: 2 } as RolesView, request)).message
    }
    expect(switching('request.outputTokens')).toMatch(/switchRole reads request\.outputTokens, which is not there to be seen/)
    expect(switching('view.count')).toMatch(/returned 2; -1 or an engine from 0 to 1 is due/)
  })

  test.each<[LeverName, string, RegExp]>([
    ['chunk', 'readsCandidates: false, paceNs: 1.5, prefillTokens: () => 8', /paceNs must be the time promised .* >= 1/],
    ['chunk', 'readsCandidates: false, paceNs: 0, prefillTokens: () => 8', /paceNs must be/],
    ['span', 'largest: NaN, degree: () => 1', /largest must be the largest degree/],
  ])('of a %s policy whose number is none is never made: %s', (lever, body, message) => {
    const path = file(`export default () => ({ ${info(lever)}, ${body} })`)
    expect(failure(() => parsePolicy(lever, path, 'x')).message).toMatch(message)
  })

  const ask = (lever: LeverName, body: string) =>
    parsePolicy(lever, file(`export default () => ({ ${info(lever)}, ${body} })`), 'x')()
  const request = { inputTokens: 1, classId: 0, tenant: 0 }

  test('that changes a role is checked like any other, and what it throws names the hook', () => {
    const view = { nowNs: 0, count: 2, role: () => 'decode' } as unknown as RolesView
    const told = (body: string) => () =>
      (ask('pool', `route: () => 0, switchRole(view, request) { ${body} }`) as PoolPolicy).switchRole?.(view, request)
    expect(failure(told('return NaN')).message).toMatch(/switchRole returned NaN; -1 or an engine from 0 to 1 is due/)
    expect(failure(told('return 2')).message).toMatch(/switchRole returned 2/)
    expect(failure(told('null.x')).message).toMatch(/switchRole threw: TypeError/)
    expect(failure(told('return view.role(2) === "decode" ? 0 : -1')).message).toMatch(
      /asks view\.role\(2\), and there are places 0 to 1/,
    )
    expect(failure(told('view.count = 9; return -1')).message).toMatch(/writes to view\.count/)
    expect(told('return this.route() - 1')()).toBe(-1)
  })

  test('that asks a whole engine for a rank which it has not is found out: it would see another engine', () => {
    const step = { engine: 0, ranks: 2, decoding: () => 1, hasPrompt: () => true } as EngineStepView
    const hold = ask(
      'chunk',
      'readsCandidates: false, prefillTokens: () => 8, hold: (view) => view.decoding(2) > 0',
    ) as ChunkPolicy
    expect(failure(() => hold.hold?.(step)).message).toMatch(/asks view\.decoding\(2\), and there are places 0 to 1/)
    const ranks = { loads: { count: 2 }, list: () => 0, isMoving: () => false } as unknown as MigrateView
    const moves = { count: 0, from: new Int32Array(2), sequence: new Int32Array(2), to: new Int32Array(2) }
    const rank = ask('rank', 'place: () => 0, migrate(view) { view.list(-1) }') as RankPolicy
    expect(failure(() => rank.migrate?.(ranks, moves)).message).toMatch(/asks view\.list\(-1\), and there are places 0 to 1/)
  })

  test('sees no more of an array than the entries that count', () => {
    const { machine } = sample[0].config.engines[0]
    const policy = ask(
      'split',
      'planningPs: 0, plan(b, m, out) { out.kind = 1; out.longestFirst = true; out.value = b.lengths[1] }',
    )
    const batch = { n: 2, lengths: Float64Array.of(64, 128, 999), totalTokens: 192 }
    const out = createSplitDecision(3)
    const { plan } = policy as SplitPolicy
    plan(batch, machine, out)
    expect(out.value).toBe(128)
    batch.n = 1
    expect(failure(() => plan(batch, machine, out)).message).toMatch(/set out\.value to NaN/)
  })

  test('sees of a list of sequences what it asked for, and nothing of the list before', () => {
    const kvTokens = Float64Array.of(7, 8, 9)
    const list = () => kvTokens.set([64]) ?? 1
    const view = { loads: { count: 2 }, list, kvTokens } as unknown as MigrateView
    const moves = { count: 0, from: Int32Array.of(5), sequence: Int32Array.of(5), to: Int32Array.of(5) }
    const { migrate } = ask(
      'rank',
      `place: () => 0, migrate(view, out) {
        const before = [...view.kvTokens, out.from[0]].join(); view.list(0)
        throw new Error([before, ...view.kvTokens].join())
      }`,
    ) as RankPolicy
    for (let i = 0; i < 2; i++) expect(failure(() => migrate?.(view, moves)).message).toMatch(/threw: NaN,NaN,NaN,-1,64,NaN,NaN /)
  })

  test('finds nothing that it wrote in the decision before', () => {
    const { assign } = ask(
      'rank',
      'assign(view, out) { const last = out.length - 1; if (out[last] !== -1) throw new Error("kept"); out[last] = 3 }',
    ) as RankPolicy
    const view = { loads: { count: 2 }, waiting: 1 } as unknown as AssignView
    const out = new Int32Array(4).fill(-1)
    for (let i = 0; i < 2; i++) expect(() => assign?.(view, out, null)).not.toThrow()
  })

  test('that fails is told of the policy that was asked, whatever else is called so', () => {
    const [rank, pool] = [file(placing('return 0')), file(`export default () => ({ ${info('pool')}, route: () => -1 })`)]
    const arm = () => ({ ...wide[0].arm(), rank: parsePolicy('rank', rank, 'x')(), pool: parsePolicy('pool', pool, 'x')() })
    const [fault] = failure(() => runFast({ ...wide[0], arm })).faults
    expect(fault).toMatchObject({ where: pool, message: expect.stringMatching(/^pool policy mine: route returned -1/) })
  })

  test('is of a policy that names its hooks, whatever its author wrote', () => {
    expect(ask('rank', 'place: () => 0, migrate() {}').info.hooks).toEqual(['place', 'migrate'])
    expect(ask('split', 'planningPs: () => 0, plan() {}').info.hooks).toEqual(['plan'])
  })

  test('changes nothing: every policy decides under guard as without', () => {
    const moving = fc.sample(movingScenario, { numRuns: 20, seed: 3 })
    const changing = fc.sample(rolesScenario, { numRuns: 10, seed: 3 })
    for (const drawn of [...sample.slice(0, 40), ...moving, ...changing]) {
      const around = (): Arm => {
        const arm = drawn.arm()
        const wrapped = Object.fromEntries(LEVERS.map((lever) => [lever, guarded(lever, arm[lever] as unknown as PolicyShape)]))
        return { ...arm, ...wrapped }
      }
      const [plain, under] = [runFast(drawn), runFast({ ...drawn, arm: around })]
      expect(recordObjects(under.result.records)).toEqual(recordObjects(plain.result.records))
      expect(under.decisions).toEqual(plain.decisions)
    }
  })

  test('is seen in shared memory while it lasts', () => {
    const shared = new Float64Array(new SharedArrayBuffer(8 * HEARTBEAT))
    beatInto(shared)
    expect(decisionUnderWay(shared)).toBeNull()
    let during: unknown
    const policy = {
      ...createArm({
        name: 'x',
        split: 'fixed-count(1)',
        chunk: 'fixed-budget(1)',
        rank: 'round-robin',
        span: 'one',
        pool: 'round-robin',
      }).rank,
      place(view: { running(place: number): number }) {
        for (let place = 0; place < 10; place++) view.running(place)
        during = decisionUnderWay(shared)
        return 0
      },
    }
    const view = { count: 10, running: (place: number) => 100 + place } as Parameters<NonNullable<RankPolicy['place']>>[0]
    guarded('rank', policy as unknown as PolicyShape).place?.(view, { inputTokens: 1, classId: 0, tenant: 0 })
    expect(during).toEqual({ number: 1, lever: 'rank', hook: 'place', reads: [102, 103, 104, 105, 106, 107, 108, 109] })
    expect(decisionUnderWay(shared)).toBeNull()
    beatInto(new Float64Array(HEARTBEAT))
  })
})

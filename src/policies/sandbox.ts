/**
 * Where the code of a user's policy runs: a realm of its own, without files, network, timers or modules, in which clock and chance refuse
 * to answer, and in which loading ends in bounded time. It keeps honest code honest; it is no wall against an attacker: views and the
 * functions of the library are objects of this realm.
 */
import vm from 'node:vm'

/**
 * Runs in the fresh realm: what would make two runs differ throws, with the remedy. Its value makes what a module is called with. Those
 * objects are made within, since the constructors of objects from outside lead out of the realm.
 */
const SEAL = `'use strict'
const refuse = (what, instead) => () => { throw new Error(what + ' is not to be had inside a policy: ' + instead) }
const clock = refuse('the clock', 'a decision may depend on what the view shows, and on nothing else')
globalThis.Date = new Proxy(Date, { get: clock, apply: clock, construct: clock })
Math.random = refuse('Math.random', 'the function that makes a policy is called with numbers of this run, as in (chance) => ..., and chance(k) is the k-th')
// a decision is made at once: what a promise does later would belong to another one
for (const name of ['Intl', 'Promise', 'AsyncDisposableStack', 'SharedArrayBuffer', 'Atomics', 'WeakRef', 'FinalizationRegistry', 'WebAssembly', 'Temporal']) delete globalThis[name]
delete Array.fromAsync
// what they answer is a setting of the machine
for (const { prototype } of [String, Number, BigInt, Array])
  for (const name of ['localeCompare', 'toLocaleString', 'toLocaleLowerCase', 'toLocaleUpperCase'])
    if (Object.hasOwn(prototype, name)) prototype[name] = refuse(name, 'it depends on the language of the machine')
Object.freeze(Math)
;(write, library) => {
  // as JSON, which has no NaN and no Infinity and knows a typed array as an object
  const plain = (_, value) => {
    if (ArrayBuffer.isView(value)) return Array.from(value)
    return typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value)) ? String(value) : value
  }
  const shown = (value) => {
    if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : String(value)
    try {
      return JSON.stringify(value, plain)
    } catch {
      return Object.prototype.toString.call(value)
    }
  }
  const log = (...values) => write(values.map(shown).join(' '))
  globalThis.console = { log, info: log, warn: log, error: log, debug: log, trace: log, dir: log, table: log }
  const inside = (value) => (typeof value === 'function' ? (...args) => value(...args) : value)
  const given = Object.fromEntries(Object.entries(library).map(([name, value]) => [name, inside(value)]))
  given.__esModule = true
  const shapewise = new Proxy(given, {
    get(target, name) {
      if (Object.hasOwn(target, name)) return target[name]
      throw new Error("'" + String(name) + "' of shapewise is not to be had inside a policy, which may import types, " + Object.keys(library).join(', '))
    },
  })
  const require = (name) => {
    if (name === 'shapewise') return shapewise
    throw new Error("a policy is one file and may import from 'shapewise' alone, not from '" + name + "'")
  }
  return { exports: {}, require, math: Math, inside }
}
`

/** Wall-clock time in which a policy must have been loaded, and made; only a loop without end takes as long. */
export const LOAD_LIMIT_MS = 5_000

/** Goes to stderr: stdout is for results. */
const write = (line: string): void => {
  process.stderr.write(`${line}\n`)
}

const seal = new vm.Script(SEAL, { filename: 'seal' })

/** A compiled module in the form of CommonJS. `path` is what stack traces show. */
export type Module = vm.Script

/** Throws SyntaxError. */
export function compileModule(code: string, path: string): Module {
  // on one line, so that lines keep their numbers
  return new vm.Script(`(function (exports, require, Math) {${code}\n})`, { filename: path })
}

interface Given {
  readonly exports: Readonly<Record<string, unknown>>
  readonly require: unknown
  /** Handed in, because looking up a global of such a realm is slow. */
  readonly math: unknown
  /** A function from outside as one of the realm. */
  inside<F>(call: F): F
}

/** Runs a module in a fresh realm: what it exports. `library`: what it may import from `shapewise`. */
export function runModule(module: Module, library: Readonly<Record<string, unknown>>): Pick<Given, 'exports' | 'inside'> {
  const realm = vm.createContext({}, { codeGeneration: { strings: false, wasm: false } })
  const giveTo = seal.runInContext(realm) as (log: typeof write, library: object) => Given
  const { exports, require, math, inside } = giveTo(write, library)
  const run = module.runInContext(realm) as (exports: object, require: unknown, math: unknown) => void
  withinLimit(() => run(exports, require, math))
  return { exports, inside }
}

const calling = new vm.Script('act()')

/** The value of `act`, which is ended with an error after LOAD_LIMIT_MS: before a simulation begins no other thread watches. */
export function withinLimit<T>(act: () => T): T {
  return calling.runInContext(vm.createContext({ act }), { timeout: LOAD_LIMIT_MS }) as T
}

/**
 * Where the code of a user's policy runs: a realm of its own, without files, network, timers or modules, in which clock and chance refuse
 * to answer. It keeps honest code honest; it is no wall against an attacker.
 */
import vm from 'node:vm'

/** Runs in the fresh realm: what would make two runs differ throws, with the remedy. */
const SEAL = `'use strict'
const refuse = (what, instead) => () => { throw new Error(what + ' is not to be had inside a policy: ' + instead) }
const clock = refuse('the clock', 'a decision may depend on what the view shows, and on nothing else')
globalThis.Date = new Proxy(Date, { get: clock, apply: clock, construct: clock })
Math.random = refuse('Math.random', 'keep the state of a generator of your own in \`state\`')
for (const name of ['SharedArrayBuffer', 'Atomics', 'WeakRef', 'FinalizationRegistry', 'WebAssembly']) delete globalThis[name]
Object.freeze(Math)
`

/** Goes to stderr: stdout is for results. */
const log = (...values: unknown[]): void => {
  process.stderr.write(`${values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))).join(' ')}\n`)
}

const seal = new vm.Script(SEAL, { filename: 'seal' })

/** A compiled module in the form of CommonJS. `path` is what stack traces show. */
export type Module = vm.Script

/** Throws SyntaxError. */
export function compileModule(code: string, path: string): Module {
  // on one line, so that lines keep their numbers
  return new vm.Script(`(function (exports, require, Math) {${code}\n})`, { filename: path })
}

/** Runs a module in a fresh realm and returns what it exports. `require` answers for the modules that it imports. */
export function runModule(module: Module, require: (name: string) => unknown): Readonly<Record<string, unknown>> {
  const globals = { console: { log, info: log, warn: log, error: log, debug: log } }
  const realm = vm.createContext(globals, { codeGeneration: { strings: false, wasm: false } })
  seal.runInContext(realm)
  const exports: Record<string, unknown> = {}
  // handed in, because looking up a global of such a realm is slow
  const math: unknown = vm.runInContext('Math', realm)
  const run = module.runInContext(realm) as (exports: object, require: unknown, math: unknown) => void
  run(exports, require, math)
  return exports
}

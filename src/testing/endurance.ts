/**
 * LAW-62: what a policy remembers is of bounded size. Each of its hooks is asked the last question of a simulation again and again, with other
 * numbers each time, and the heap is weighed.
 */
import { Console } from 'node:console'
import { Writable } from 'node:stream'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Arm, BoundaryView, ChunkView, LeverName, Moves, RequestView, SplitBatch } from '../levers/lever.js'
import { HOOKS } from '../policies/index.js'
import { createSimulation, simulate } from '../simulator/index.js'
import type { MakePolicy, Stage } from './rules.js'
import { scenarioOn } from './rules.js'

/** Questions to each hook before the first weighing and until the second; fewer where a policy is slow. */
const BEFORE = 30_000
const BETWEEN = 130_000
/** Processor time of either part, all hooks together, ms. */
const LIMIT_MS = 600
/** Growth that counts: a number kept for each question is 8 bytes, and what the engine compiles meanwhile is far less than a MB. */
const GROWTH_BYTES_EACH = 4
const GROWTH_BYTES = 700_000
/** Collections before a weighing: code that has not run for a few of them is dropped, and would count. */
const COLLECTIONS = 4

let collect: (() => void) | null = null

function heapBytes(collections: number): number {
  if (collect === null) {
    setFlagsFromString('--expose-gc')
    collect = runInNewContext('gc') as () => void
  }
  for (let i = 0; i < collections; i++) collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** Another question of the same form: a view is a window on the simulation, which nobody goes on with, so its own columns may be altered. */
function vary(hook: string, args: unknown[], i: number): void {
  if (hook === 'prefillTokens') (args[0] as ChunkView).decodeKvTokens = i
  else if (hook === 'planningPs') args[0] = 1 + (i % 1000)
  else if (hook === 'plan') {
    const batch = args[0] as SplitBatch
    batch.lengths[batch.n - 1]++
    batch.totalTokens++
  } else if (hook === 'assign' || hook === 'migrate') {
    ;(args[0] as BoundaryView).step++
    if (hook === 'migrate') (args[1] as Moves).count = 0
  } else if (hook !== 'hold') (args[1] as RequestView).inputTokens = 1 + ((i * 7919) % 100_003)
}

/** A hook of a policy, and the last question that it was asked. */
interface Asked {
  readonly hook: string
  readonly ask: (...args: unknown[]) => unknown
  readonly args: unknown[]
}

/** A policy in the middle of a simulation, with sequences in flight, and the last question to each of its hooks that was ever asked. */
function askedOf(stage: Stage, lever: LeverName, make: MakePolicy): Asked[] {
  const questions = new Map<string, Asked>()
  const noting = (): Arm[LeverName] => {
    const policy = { ...(make() as unknown as Record<string, unknown>) }
    questions.clear()
    for (const { name } of HOOKS[lever]) {
      const method = policy[name]
      if (typeof method !== 'function') continue
      const ask = method as Asked['ask']
      policy[name] = (...args: unknown[]) => {
        questions.set(name, { hook: name, ask, args })
        return ask(...args)
      }
    }
    return policy as unknown as Arm[LeverName]
  }
  const { config, workload, arm } = scenarioOn(stage, lever, noting, () => {})
  const { events } = simulate(config, arm(), workload, { load: { kind: 'open' } })
  const all = questions.size
  const simulation = createSimulation(config, arm(), { load: { kind: 'open' } })
  simulation.feed(workload)
  simulation.feed(null)
  simulation.advance(Number.POSITIVE_INFINITY, events >> 1)
  if (questions.size < all) simulation.advance(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)
  return [...questions.values()]
}

/** Asks the hooks in turn, each `count` times or for its share of the time; how often the one that was asked least was. */
function askOften(hooks: readonly Asked[], count: number): number {
  const spentMs = () => process.cpuUsage().user / 1e3
  let least = count
  for (const { hook, ask, args } of hooks) {
    const endsMs = spentMs() + LIMIT_MS / hooks.length
    let asked = 0
    // the clock is asked seldom, since that costs as much as hundreds of questions
    for (let batch = 50; asked < count; batch *= 2) {
      for (const end = Math.min(count, asked + batch); asked < end; ) {
        vary(hook, args, asked++)
        ask(...args)
      }
      if (spentMs() > endsMs) break
    }
    least = Math.min(least, asked)
  }
  return least
}

/** Bytes that stay for each question to one of the hooks; 0 where memory does not grow. */
function growthOf(hooks: readonly Asked[]): number {
  askOften(hooks, BEFORE)
  const before = heapBytes(COLLECTIONS)
  const count = askOften(hooks, BETWEEN)
  const least = Math.max(GROWTH_BYTES, GROWTH_BYTES_EACH * count)
  // further collections can only make it less
  const growth = heapBytes(1) - before < least ? 0 : heapBytes(COLLECTIONS) - before
  return growth < least ? 0 : growth / count
}

/**
 * What `act` answers, while nothing is written: lines that wait for a thread or a runner of tests to take them would be weighed as the
 * policy's memory, and each question would print one.
 */
function silently<T>(act: () => T): T {
  const streams = [process.stdout, process.stderr]
  const writes = streams.map(({ write }) => write)
  const shown = globalThis.console
  const nowhere = new Writable({ write: (_, __, written) => written() })
  for (const stream of streams) stream.write = () => true
  globalThis.console = new Console(nowhere)
  try {
    return act()
  } finally {
    for (const [i, stream] of streams.entries()) stream.write = writes[i]
    globalThis.console = shown
  }
}

export const memoryFaults = (stage: Stage, lever: LeverName, make: MakePolicy): string[] =>
  silently(() => weighed(stage, lever, make))

function weighed(stage: Stage, lever: LeverName, make: MakePolicy): string[] {
  const hooks = askedOf(stage, lever, make)
  if (growthOf(hooks) === 0) return []
  // all at once is cheaper where nothing is found; now each by itself
  return hooks.flatMap((asked) => {
    const bytes = growthOf([asked])
    return bytes === 0
      ? []
      : [`LAW-62 ${asked.hook}: memory outside of \`state\` grows by about ${Math.round(bytes)} bytes a decision, without end`]
  })
}

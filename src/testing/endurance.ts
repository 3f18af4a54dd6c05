/**
 * LAW-62: what a policy remembers is of bounded size. It is asked the last questions of a simulation again and again, with other lengths each
 * time, and the heap is weighed.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Arm, ChunkView, LeverName, RequestView, SplitBatch } from '../levers/lever.js'
import { HOOKS } from '../policies/index.js'
import { simulate } from '../simulator/index.js'
import type { MakePolicy, Stage } from './rules.js'
import { scenarioOn } from './rules.js'

/** Questions before the first weighing and until the second; fewer where a policy is slow. */
const BEFORE = 50_000
const BETWEEN = 200_000
/** Processor time of either part, ms. */
const LIMIT_MS = 600
/** Growth that counts: a number kept for each question is 8 bytes, and what the engine compiles meanwhile is far less than a MB. */
const GROWTH_BYTES_EACH = 4
const GROWTH_BYTES = 700_000
/** Collections before a weighing: code that has not run for a few of them is dropped, and would count. */
const COLLECTIONS = 4

let collect: (() => void) | null = null

function heapBytes(): number {
  if (collect === null) {
    setFlagsFromString('--expose-gc')
    collect = runInNewContext('gc') as () => void
  }
  for (let i = 0; i < COLLECTIONS; i++) collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** Another question of the same form: a view is a window on the simulation, whose own columns may be altered when it is over. */
function vary(lever: LeverName, hook: string, args: readonly unknown[], i: number): void {
  if (lever === 'chunk') (args[0] as ChunkView).decodeKvTokens = i
  else if (lever === 'split') {
    const batch = args[0] as SplitBatch
    batch.lengths[batch.n - 1]++
    batch.totalTokens++
  } else if (hook !== 'assign') (args[1] as RequestView).inputTokens = 1 + ((i * 7919) % 100_003)
}

export function memoryFaults(stage: Stage, lever: LeverName, make: MakePolicy): string[] {
  const policy = make() as unknown as Record<string, unknown>
  const { name } = HOOKS[lever].find((hook) => typeof policy[hook.name] === 'function') ?? HOOKS[lever][0]
  const ask = policy[name] as (...args: unknown[]) => unknown
  let question: readonly unknown[] | null = null
  const noting = {
    ...policy,
    [name](...args: unknown[]) {
      question = args
      return ask(...args)
    },
  } as unknown as Arm[LeverName]
  const { config, workload, arm } = scenarioOn(
    stage,
    lever,
    () => noting,
    () => {},
  )
  simulate(config, arm(), workload, { load: { kind: 'open' } })
  if (question === null) return []
  const args: readonly unknown[] = question

  let asked = 0
  function askOften(count: number): number {
    const endsMs = process.cpuUsage().user / 1e3 + LIMIT_MS
    const before = asked
    while (asked - before < count && process.cpuUsage().user / 1e3 < endsMs) {
      for (let i = 0; i < 500; i++) {
        vary(lever, name, args, asked++)
        ask(...args)
      }
    }
    return asked - before
  }

  askOften(BEFORE)
  const before = heapBytes()
  const count = askOften(BETWEEN)
  const growth = heapBytes() - before
  return growth < GROWTH_BYTES || growth < GROWTH_BYTES_EACH * count
    ? []
    : [`LAW-62 memory outside of \`state\` grows by about ${Math.round(growth / count)} bytes a decision, without end`]
}

/** The kit finds what it is for: each planted bug within 1,000 scenarios, shrunk to at most ten requests, by the law that speaks of it. */
import { describe, expect, test, vi } from 'vitest'
import type {
  ChunkPolicy,
  LeverName,
  LoadView,
  PoolPolicy,
  RankPolicy,
  RequestView,
  SpanPolicy,
  SplitPolicy,
} from '../src/levers/lever.js'
import { checkPolicy, findFault } from '../src/testing.js'

// wall time, for machines that have other things to do: a run takes a small part of it
vi.setConfig({ testTimeout: 300_000 })

const info = (lever: LeverName) => ({
  lever,
  name: 'planted',
  shapeAware: true,
  hooks: [],
  inputs: [],
  signalAge: 'now' as const,
  complexity: 'O(1)',
  wins: 'nowhere',
  loses: 'everywhere',
  source: 'test/policies-planted.test.ts',
})
const rank = (place: RankPolicy['place'] | undefined, more: Partial<RankPolicy> = {}) => ({
  info: info('rank'),
  ...(place && { place }),
  ...more,
})
const pool = (route: PoolPolicy['route'], more: Partial<PoolPolicy> = {}) => ({ info: info('pool'), route, ...more })
const chunk = (prefillTokens: ChunkPolicy['prefillTokens'], more: Partial<ChunkPolicy> = {}) => ({
  info: info('chunk'),
  readsCandidates: false,
  prefillTokens,
  ...more,
})
const span = (degree: SpanPolicy['degree']) => ({ info: info('span'), degree })
const split = (plan: SplitPolicy['plan']) => ({ info: info('split'), planningPs: 0, plan })

/** What a policy must not know, asked for as a careless author would. */
const outputOf = (request: RequestView): number => (request as unknown as { outputTokens: number }).outputTokens
const asWritable = (view: LoadView) => view as unknown as { count: number }

let told = 0
const kept: object[] = []

interface Planted {
  readonly title: string
  readonly lever: LeverName
  readonly make: () => unknown
  readonly finds: RegExp
}

const PLANTED: readonly Planted[] = [
  {
    title: 'starves prompts as long as anything decodes',
    lever: 'chunk',
    make: () => chunk((view) => (view.decodeSequences > 0 ? 0 : 64)),
    finds: /LAW-61 .* give no token to the prompts/,
  },
  {
    title: 'holds the prompts of an engine for as long as it can',
    lever: 'chunk',
    make: () =>
      chunk(() => 64, { hold: (view) => Array.from({ length: view.ranks }, (_, r) => view.decoding(r)).some((n) => n > 0) }),
    finds: /LAW-61 .* hold the prompts/,
  },
  {
    title: 'holds the prompts of an idle engine: no progress, ever',
    lever: 'chunk',
    make: () => chunk(() => 64, { hold: () => true }),
    finds: /LAW-60 .*it would wait for itself/,
  },
  {
    title: 'has a budget of 0 with nothing to wait for',
    lever: 'chunk',
    make: () => chunk(() => 0),
    finds: /LAW-60 .*prefillTokens returned 0; a whole number of tokens >= 1/,
  },
  {
    title: 'has a budget that is not a number once the batch is large',
    lever: 'chunk',
    make: () => chunk((view) => Math.floor(64 / (view.decodeSequences > 2 ? Number.NaN : 1))),
    finds: /LAW-60 .*returned NaN/,
  },
  {
    title: 'returns an engine that is not there',
    lever: 'pool',
    make: () => pool((view) => (view.waiting(view.count - 1) > 1 ? view.count : 0)),
    finds: /LAW-60 .*route returned \d; a whole number from 0 to/,
  },
  {
    title: 'asks for the load of an engine that is not there',
    lever: 'pool',
    make: () => pool((view) => (view.running(view.count) > 0 ? 0 : 0)),
    finds: /LAW-60 .*asks view\.running/,
  },
  {
    title: 'drops requests that are too long for its taste',
    lever: 'rank',
    make: () => rank((_view, request) => (request.inputTokens > 50 ? -1 : 0)),
    finds: /LAW-60 .*place returned -1/,
  },
  {
    title: 'peeks at the output length',
    lever: 'rank',
    make: () => rank((view, request) => (outputOf(request) > 100 ? view.count - 1 : 0)),
    finds: /LAW-60 .*reads request\.outputTokens, which is not there/,
  },
  {
    title: 'draws from Math.random',
    lever: 'rank',
    make: () => rank((view) => Math.floor(Math.random() * view.count)),
    finds: /LAW-60 .*Math\.random is not to be had/,
  },
  {
    title: 'reads the clock',
    lever: 'rank',
    make: () => rank((view) => Date.now() % view.count),
    finds: /LAW-60 .*the clock is not to be had/,
  },
  {
    title: 'measures time with performance.now',
    lever: 'pool',
    make: () => pool((view) => Math.floor(performance.now()) % view.count),
    finds: /LAW-60 .*the clock is not to be had/,
  },
  {
    title: 'goes on counting from one run to the next',
    lever: 'rank',
    make: () => rank((view) => told++ % view.count),
    finds: /LAW-10/,
  },
  {
    title: 'remembers outside of its state',
    lever: 'rank',
    make: () => {
      let turn = 0
      return rank((view) => turn++ % view.count)
    },
    finds: /LAW-13/,
  },
  {
    title: 'remembers every request, for ever',
    lever: 'rank',
    make: () => {
      const seen: number[] = []
      return rank((_view, request) => {
        seen.push(request.inputTokens)
        return 0
      })
    },
    finds: /LAW-62 place: memory outside of `state` grows/,
  },
  {
    title: 'keeps what it was shown in a global list',
    lever: 'chunk',
    make: () =>
      chunk((view) => {
        kept.push({ n: view.decodeSequences })
        return 64
      }),
    finds: /LAW-62/,
  },
  {
    title: 'lets its state grow',
    lever: 'rank',
    make: () => {
      const policy: { state: Float64Array } & Record<string, unknown> = {
        ...rank(() => 0),
        state: new Float64Array(1),
        place() {
          policy.state = new Float64Array(policy.state.length + 1)
          return 0
        },
      }
      return policy
    },
    finds: /LAW-60 .*replaced its state/,
  },
  {
    title: 'writes to its view',
    lever: 'rank',
    make: () =>
      rank((view) => {
        asWritable(view).count = 1
        return 0
      }),
    finds: /LAW-60 .*writes to view\.count/,
  },
  {
    title: 'sorts the lengths that it was lent',
    lever: 'split',
    make: () =>
      split((batch, _machine, out) => {
        batch.lengths.subarray(0, batch.n).reverse()
        out.kind = 0
        out.value = 4
        out.longestFirst = false
      }),
    finds: /LAW-60 .*writes into batch\.lengths/,
  },
  {
    title: 'calls itself shape-aware and never splits a long request',
    lever: 'split',
    make: () =>
      split((_batch, _machine, out) => {
        out.kind = 0
        out.value = 1
        out.longestFirst = true
      }),
    finds: /LAW-63 .*leaves a request of \d+ tokens whole/,
  },
  {
    title: 'divides by the room that is left',
    lever: 'split',
    make: () =>
      split((batch, machine, out) => {
        out.kind = 1
        out.value = Math.max(64, batch.totalTokens / Math.max(0, machine.slots - 100 * batch.n))
        out.longestFirst = true
      }),
    finds: /LAW-60 .*set out\.value to (Infinity|NaN)/,
  },
  {
    title: 'leaves requests in the queue that are too long for its taste',
    lever: 'rank',
    make: () =>
      rank(undefined, {
        assign(view, out) {
          for (let i = 0; i < view.waiting; i++) if (view.inputTokens[i] < 50) out[i] = 0
        },
      }),
    finds: /LAW-60 .*assign/,
  },
  {
    title: 'gives all it has to one rank',
    lever: 'rank',
    make: () => rank(undefined, { assign: (view, out) => void out.fill(0, 0, view.waiting) }),
    finds: /LAW-60 .*assign/,
  },
  {
    title: 'sends requests to and fro between two ranks',
    lever: 'rank',
    make: () =>
      rank(() => 0, {
        migrate(view, out) {
          for (const from of [0, 1]) {
            if (out.count > 0 || view.list(from) === 0 || view.isMoving(from) || view.isMoving(1 - from)) continue
            out.from[0] = from
            out.to[0] = 1 - from
            out.sequence[0] = 0
            out.count = 1
          }
        },
      }),
    finds: /LAW-64 .*went back between ranks/,
  },
  {
    title: 'moves a sequence that is not there',
    lever: 'rank',
    make: () =>
      rank(() => 0, {
        migrate(view, out) {
          out.from[0] = 0
          out.to[0] = 1
          out.sequence[0] = view.list(0)
          out.count = 1
        },
      }),
    finds: /LAW-60 .*move sequence/,
  },
  {
    title: 'throws when two requests meet',
    lever: 'pool',
    make: () =>
      pool((view) => {
        if (view.running(0) + view.waiting(0) > 1) throw new RangeError('two are a crowd')
        return 0
      }),
    finds: /LAW-60 .*route threw: RangeError: two are a crowd/,
  },
  {
    title: 'remembers every step before which it might have moved something',
    lever: 'rank',
    make: () => {
      const steps: number[] = []
      return rank(() => 0, { migrate: (view) => void steps.push(view.step) })
    },
    finds: /LAW-62 migrate: memory/,
  },
  {
    title: 'remembers every step in which it might have held prompts',
    lever: 'chunk',
    make: () => {
      const engines: object[] = []
      return chunk(() => 64, { hold: (view) => engines.push({ engine: view.engine }) < 0 })
    },
    finds: /LAW-62 hold: memory/,
  },
  {
    title: 'remembers every request on whose arrival a role might have changed',
    lever: 'pool',
    make: () => {
      const seen: object[] = []
      return pool(() => 0, {
        switchRole(_, request) {
          seen.push({ tokens: request.inputTokens })
          return -1
        },
      })
    },
    finds: /LAW-62 switchRole: memory/,
  },
  {
    title: 'makes an engine change its role that may not',
    lever: 'pool',
    make: () => pool(() => 0, { switchRole: (view) => (view.isDraining(0) ? 0 : view.maySwitch(0) ? 0 : -1) }),
    finds: /LAW-60 .*switch/,
  },
  {
    title: 'changes a role whenever it was asked often enough, by a count that no snapshot holds',
    lever: 'pool',
    make: () => {
      let asked = 0
      return pool(() => 0, { switchRole: (view) => (++asked % 3 === 0 && view.maySwitch(0) ? 0 : -1) })
    },
    finds: /LAW-13 /,
  },
  {
    title: 'spreads contexts over three ranks',
    lever: 'span',
    make: () => span((view, { inputTokens }) => (view.count > 2 && inputTokens > 40 ? 3 : 1)),
    finds: /LAW-60 .*degree 3/,
  },
  {
    title: 'spreads what will be long over many ranks: it peeks',
    lever: 'span',
    make: () => span((view, request) => (outputOf(request) > 30 ? view.count : 1)),
    finds: /LAW-60 .*reads request\.outputTokens, which is not there/,
  },
  {
    title: 'spreads every other context, by a count that outlives the simulation',
    lever: 'span',
    make: () => span((view) => (told++ % 3 === 0 ? view.count : 1)),
    finds: /LAW-(9|10|13) /,
  },
]

describe('a planted bug is found and made small:', () => {
  test.each(PLANTED)('$lever $title', ({ lever, make, finds }) => {
    const fault = findFault(make, { lever, runs: 1000, seed: 7 })
    expect(fault?.faults.join('\n')).toMatch(finds)
    expect(fault?.scenario.requests.length).toBeLessThanOrEqual(10)
    expect(fault?.runs).toBeLessThanOrEqual(1000)
  })
})

test('a policy without a fault passes, and a fault is told with its scenario', () => {
  checkPolicy(() => rank((view) => view.count - 1), { lever: 'rank', runs: 20 })
  const broken = () => checkPolicy(() => rank((view) => view.count), { lever: 'rank', runs: 20 })
  expect(broken).toThrow(
    /LAW-60 .*place returned.*\nseen after 1 scenarios of seed 1, smallest:\n--- scenario\.yaml\nsystem: gb200\n/s,
  )
})

test('what a policy prints in a test is not its memory', () => {
  const printed = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  const talks = rank((_, { inputTokens }) => {
    console.log('a request of', inputTokens)
    process.stderr.write(`${inputTokens}\n`)
    return 0
  })
  try {
    expect(findFault(() => talks, { lever: 'rank', runs: 1 })).toBeNull()
    expect(printed.mock.calls.length).toBeLessThan(1000)
  } finally {
    printed.mockRestore()
  }
})

test.each([
  [{ lever: 'rank' as const, runs: 0 }, /expected a whole number >= 1, got 0/],
  [{ lever: 'rank' as const, runs: Number.NaN }, /got NaN/],
  [{ lever: 'rank' as const, seed: 0.5 }, /expected a whole number, got 0.5/],
  [{ lever: 'rnak' as LeverName }, /there is no lever 'rnak'/],
])('options that would check nothing are refused: %j', (options, message) => {
  expect(() => checkPolicy(() => rank(() => 0), options)).toThrow(message)
})

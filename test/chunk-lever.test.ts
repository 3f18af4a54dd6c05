/** What the chunk policies do to an engine: prompts that wait for each other, and chunks that use the lead of the decoding sequences. */
import { describe, expect, test } from 'vitest'
import { createArm, STATIC_ARM } from '../src/levers/catalogue.js'
import { FATES } from '../src/metrics/records.js'
import { PLAIN_CLUSTER } from '../src/simulator/config.js'
import { simulate } from '../src/simulator/index.js'
import { observed } from '../src/testing/observe.js'
import { engineOf, evenSteps, traffic } from './byHand.js'
import { MACHINES } from './levers/families.js'

const RANKS = 4
const STEP_NS = 1e6
const TOKEN_PS = 2e6

/** A step of 1 ms, and 2 us for each token of the fullest rank; attention costs nothing. */
const ENGINE = engineOf(
  { ...evenSteps(STEP_NS), localPs: TOKEN_PS },
  {
    ranks: RANKS,
    maxNumSeqs: 64,
    maxNumBatchedTokens: 8192,
    maxModelLen: 8192,
    numGpuBlocks: 8192,
    machine: Object.values(MACHINES)[0],
  },
)

interface Row {
  readonly atMs: number
  readonly isl: number
  readonly osl: number
}

function run(chunk: string, rows: readonly Row[], concurrency?: number, engine = ENGINE) {
  const { arm, decisions } = observed(createArm({ ...STATIC_ARM, name: 'mine', split: 'occupancy-rule', chunk }))
  const workload = traffic(
    rows.map(({ atMs }) => atMs * 1e6),
    rows.map(({ isl }) => isl),
    rows.map(({ osl }) => osl),
  )
  const config = { ...PLAIN_CLUSTER, engines: [engine] }
  const load = concurrency === undefined ? ({ kind: 'open' } as const) : ({ kind: 'closed', concurrency } as const)
  return { ...simulate(config, arm, workload, { load }), decisions }
}

/** Of a request: ns in its queue. */
function queueNs({ records }: ReturnType<typeof run>, request: number): number {
  return records.phaseNs[0][records.request.indexOf(request)]
}

test.each(['fixed-budget(128)', 'aligned(128)'])(
  '%s is kept where drafts are verified, and prompts are served all the same',
  (chunk) => {
    const rows = Array.from({ length: 400 }, (_, i) => ({ atMs: 0, isl: 4 + (i % 9), osl: 100 + ((i * 71) % 60) }))
    // 64 sequences a rank take 256 tokens: twice the budget
    const engine = { ...ENGINE, draftTokens: 3, tokensPer1024Steps: 2048 }
    const { records, decisions } = run(chunk, rows, RANKS * engine.maxNumSeqs, engine)
    // decoding tokens and the answer of each question
    const asked = decisions.chunk.map((entry) => [entry[2], entry.at(-1) ?? Number.NaN])
    const granted = asked.filter(([, tokens]) => tokens > 0).map(([decoding, tokens]) => decoding + tokens)
    expect(new Set(granted)).toEqual(new Set([128]))
    expect(granted.length).toBeLessThan(asked.length)
    expect(records.fate.slice(0, records.count).every((fate) => FATES[fate] === 'completed')).toBe(true)
  },
)

describe('aligned', () => {
  const decoding = Array.from({ length: RANKS }, () => ({ atMs: 0, isl: 10, osl: 400 }))
  const wait = 20
  const batch = 5
  const policy = `aligned(2048,wait=${wait},batch=${batch})`

  test('LAW-26: a lone prompt waits as many steps as it may, no more', () => {
    const rows = [...decoding, { atMs: 50, isl: 1000, osl: 2 }]
    const late = queueNs(run(policy, rows), RANKS) - queueNs(run('fixed-budget(2048)', rows), RANKS)
    // steps of 1 ms and a decoding token
    expect(late).toBeGreaterThan(wait * STEP_NS)
    expect(late).toBeLessThan((wait + 1) * STEP_NS)
  })

  test('LAW-26: prompts on every rank wait for more of them, then enter together', () => {
    const rows = [...decoding, ...Array.from({ length: RANKS }, (_, i) => ({ atMs: 50 + i, isl: 1000, osl: 2 }))]
    const result = run(policy, rows)
    const began = rows.slice(RANKS).map((row, i) => row.atMs * STEP_NS + queueNs(result, RANKS + i))
    expect(new Set(began).size).toBe(1)
    expect(began[0]).toBeLessThan((50 + RANKS + batch + 1) * STEP_NS)
  })

  test('an engine with a rank that has nothing to do waits for nobody', () => {
    const rows = [...decoding.slice(1), { atMs: 50, isl: 1000, osl: 2 }]
    expect(queueNs(run(policy, rows), RANKS - 1)).toBeLessThan(2 * STEP_NS)
  })

  test('under full load prefill is balanced: more tokens in less time', () => {
    const rows = Array.from({ length: 400 }, (_, i) => ({ atMs: 0, isl: 600 + ((i * 379) % 800), osl: 20 + ((i * 71) % 60) }))
    const fixed = run('fixed-budget(2048)', rows, 80)
    const result = run('aligned(2048,wait=30,batch=5)', rows, 80)
    expect(result.statistics.outputTokens).toBe(fixed.statistics.outputTokens)
    expect(result.endNs).toBeLessThan(0.9 * fixed.endNs)
  })
})

describe('slack', () => {
  // sequences that decode 1 ms a token where 10 ms are promised: each has a lead of 9 ms more with every token
  const decoding = Array.from({ length: RANKS }, () => ({ atMs: 0, isl: 10, osl: 200 }))

  test('the lead of the decoding sequences goes to prefill, up to the cap, and none of them falls behind its pace', () => {
    const rows = [...decoding, { atMs: 60, isl: 8000, osl: 2 }]
    const first = (chunk: string) => {
      const { records } = run(chunk, rows)
      return records.firstTokenNs[records.request.indexOf(RANKS)] - 60e6
    }
    const paceNs = 10e6
    const { records } = run('slack(10,cap=400)', rows)
    for (let i = 0; i < RANKS; i++) {
      const at = records.request.indexOf(i)
      expect(records.endNs[at] - records.firstTokenNs[at]).toBeLessThan(199 * paceNs)
    }
    // 8000 tokens in one step of 17 ms; in steps of 3 ms, of 995 tokens each
    expect(first('slack(10,cap=400)')).toBeLessThan(19e6)
    expect(first('slack(10,cap=3)')).toBeGreaterThan(24e6)
    expect(first('slack(10,cap=3)')).toBe(first('equal-time(3)'))
  })

  test('without a lead it is 256 tokens a step', () => {
    const rows = [...decoding, { atMs: 60, isl: 5120, osl: 2 }]
    const { records } = run('slack(0.001)', rows)
    const prefillNs = records.phaseNs[1][records.request.indexOf(RANKS)]
    expect(prefillNs).toBeGreaterThan(20 * (STEP_NS + 256 * 2000))
  })
})

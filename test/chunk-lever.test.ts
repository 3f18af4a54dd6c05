/** What the chunk policies do to an engine: prompts that wait for each other, and chunks that use the lead of the decoding sequences. */
import { describe, expect, test } from 'vitest'
import { createArm, STATIC_ARM } from '../src/levers/catalogue.js'
import { FATES } from '../src/metrics/records.js'
import { type EngineConfig, NO_FABRIC, PLAIN_ENGINE } from '../src/simulator/config.js'
import { simulate } from '../src/simulator/index.js'
import { observed } from '../src/testing/observe.js'
import type { StepTables } from '../src/timing/stepTimer.js'
import { shapesOnly } from '../src/traces/workload.js'
import { MACHINES } from './levers/families.js'

const RANKS = 4
const STEP_NS = 1e6
const TOKEN_PS = 2e6

/** A step of 1 ms, and 2 us for each token of the fullest rank; attention costs nothing. */
function tables(): StepTables {
  const zero = (length: number) => new Float64Array(length)
  return {
    ranks: RANKS,
    maxTokens: 8192,
    maxSequences: 64,
    maxLength: 65536,
    hostPs: STEP_NS * 1000,
    localPs: Float64Array.from({ length: 8193 }, (_, i) => i * TOKEN_PS),
    headPs: zero(65),
    decodeRowsPs: zero(65),
    sharedPs: zero(RANKS * 8192 + 1),
    exchangePs: zero(8193),
    kernelColumns: 1,
    kernelBasePs: zero(65),
    kernelSlopePs: zero(65),
    prefillChunkKnots: Float64Array.of(0, 8192),
    prefillPrefixKnots: Float64Array.of(0, 65536),
    prefillPs: zero(4),
  }
}

const ENGINE: EngineConfig = {
  ...PLAIN_ENGINE,
  name: 'dep4',
  ranks: RANKS,
  gpus: RANKS,
  maxNumSeqs: 64,
  maxNumBatchedTokens: 8192,
  maxModelLen: 8192,
  blockSize: 16,
  numGpuBlocks: 8192,
  tables: tables(),
  machine: Object.values(MACHINES)[0],
}

interface Row {
  readonly atMs: number
  readonly isl: number
  readonly osl: number
}

function run(chunk: string, rows: readonly Row[], concurrency?: number, engine = ENGINE) {
  const { arm, decisions } = observed(createArm({ ...STATIC_ARM, name: 'mine', split: 'occupancy-rule', chunk }))
  const provenance = { name: 'rows', format: 'generated', note: 'by hand', rowsRead: rows.length, rowsSkipped: 0 }
  const column = (read: (row: Row) => number) => Int32Array.from(rows, read)
  const arrivals = Float64Array.from(rows, (row) => row.atMs * 1e6)
  const workload = shapesOnly(
    arrivals,
    column((row) => row.isl),
    column((row) => row.osl),
    provenance,
  )
  const config = {
    engines: [engine],
    maxQueue: null,
    timeoutNs: null,
    fabric: NO_FABRIC,
    firstToken: 'prefill' as const,
    frontendNs: 0,
  }
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

/**
 * The fast form of the split model against list scheduling, policy by policy and family by family: median <= 3 %, p90 <= 10 % of the makespan,
 * launch and merge (which both forms share) left out; also of launches of more than one wave alone. Arrival order is the mean of shuffles.
 * SPLIT_DRAWS=30 draws more batches; the table printed then is that of docs/decisions/0003-split-model.md.
 */
import { describe, expect, it } from 'vitest'
import { POLICIES, parsePolicy } from '../src/levers/catalogue.js'
import { SPLIT_LAUNCHES, SPLIT_PAYLOAD, type SplitBatch, type SplitDecision } from '../src/levers/lever.js'
import { createSplitDecision } from '../src/levers/split/decision.js'
import { exactAttentionNs } from '../src/levers/split/exact.js'
import type { SplitMachine } from '../src/levers/split/machine.js'
import { createSplitEvaluator } from '../src/levers/split/model.js'
import { pieceCount } from '../src/levers/split/pieces.js'
import { type Rng, stream } from '../src/rng.js'
import { batchOf, quantile, SERVED_FAMILIES, SERVED_MACHINES, shuffled } from './levers/families.js'

const DRAWS = Number(process.env.SPLIT_DRAWS ?? 10)
const SHUFFLES = 10
const MOST = 256
const NAMES = [
  ...POLICIES.filter(({ lever, oracle }) => lever === 'split' && oracle !== true).map(({ name }) => name),
  'fixed-count(1)',
  'fixed-count(32)',
  'fixed-size(1024)',
  'fixed-size(16384)',
  'k-waves(4)',
  'fixed-count(8,order=longest-first)',
  'occupancy-rule(order=longest-first)',
  'average-load(order=arrival)',
  'resident-chunk(order=longest-first)',
  'sqrt-budget(order=longest-first)',
]

/** Error of every policy in one family: of all launches, and of those of more than one wave. */
type Errors = Map<string, { all: number[]; waves: number[] }>

/** Whether the decision launches one kernel of more pieces than slots. */
function isSeveralWaves(batch: SplitBatch, decision: SplitDecision, machine: SplitMachine): boolean {
  if (decision.kind === SPLIT_PAYLOAD || decision.kind === SPLIT_LAUNCHES) return false
  let pieces = 0
  for (let i = 0; i < batch.n; i++) pieces += pieceCount(decision, batch, i, machine)
  return pieces * machine.headGroups > machine.slots
}

function measure(batch: SplitBatch, machine: SplitMachine, rng: Rng, errors: Errors): void {
  // what both forms share is left out
  const bare = { ...machine, launchNs: 0, mergeFixedNs: 0, partialBytes: 0 }
  const evaluator = createSplitEvaluator(bare, MOST)
  const orders = Array.from({ length: SHUFFLES }, () => shuffled(batch.n, rng))
  for (const name of NAMES) {
    const decision = createSplitDecision(MOST)
    parsePolicy('split', name)().plan(batch, machine, decision)
    const used = decision.longestFirst ? orders.slice(0, 1) : orders
    const exact = used.reduce((sum, order) => sum + exactAttentionNs(batch, decision, bare, order), 0) / used.length
    const error = Math.abs(evaluator.attentionNs(batch, decision) / exact - 1)
    const entry = errors.get(name) ?? { all: [], waves: [] }
    entry.all.push(error)
    if (isSeveralWaves(batch, decision, machine)) entry.waves.push(error)
    errors.set(name, entry)
  }
}

const percent = (value: number) => (100 * value).toFixed(1)
const row = (cells: readonly string[]) => cells.map((cell, i) => (i === 0 ? cell.padEnd(38) : cell.padStart(26))).join('')
const cell = (sample: readonly number[]) =>
  sample.length < 10 ? '-' : `${percent(quantile(sample, 0.5))} / ${percent(quantile(sample, 0.9))} (${sample.length})`

describe('fast form against list scheduling', () => {
  it(`median <= 3 %, p90 <= 10 % for each of ${NAMES.length} policies in each family`, () => {
    const byFamily = new Map<string, Errors>()
    for (const [family, draw] of Object.entries(SERVED_FAMILIES)) {
      const rng = stream(2026, `accuracy/${family}`)
      const errors: Errors = new Map()
      for (const machine of Object.values(SERVED_MACHINES)) {
        for (let run = 0; run < DRAWS; run++) {
          const n = run % 2 === 0 ? 1 + rng.integer(MOST) : Math.ceil(MOST ** rng.uniform())
          const length = draw(rng)
          measure(batchOf(Array.from({ length: n }, (_, i) => length(i))), machine, rng, errors)
        }
      }
      byFamily.set(family, errors)
    }
    const families = [...byFamily.keys()]
    const lines = (part: 'all' | 'waves') =>
      NAMES.map((name) => row([name, ...families.map((f) => cell(byFamily.get(f)?.get(name)?.[part] ?? []))]))
    console.log(
      [
        row(['median / p90 %, all launches', ...families]),
        ...lines('all'),
        '',
        row(['more than one wave', ...families]),
        ...lines('waves'),
      ].join('\n'),
    )
    for (const [family, errors] of byFamily) {
      for (const [name, { all, waves }] of errors) {
        for (const sample of [all, waves]) {
          if (sample.length < 10) continue
          expect(quantile(sample, 0.5), `median of ${name} on ${family}`).toBeLessThan(0.03)
          expect(quantile(sample, 0.9), `p90 of ${name} on ${family}`).toBeLessThan(0.1)
        }
      }
    }
  })
})

/**
 * `node plan.mjs --measured FIRST.csv > launches.json`: fits the constants of a machine to measured launches, draws batches from the shipped traces and
 * plans every split policy for them with those constants. `measure.py --launches launches.json` then times plans of batches that no fit has seen.
 */
import { parseArgs } from 'node:util'
import { readTrace } from '../../dist/index.js'
import { createSplitDecision, parsePolicy, SPLIT_PAYLOAD } from '../../dist/levers/index.js'
import { pieceCount } from '../../dist/levers/split/pieces.js'
import { stream } from '../../dist/rng.js'
import { launchOf } from '../../dist/validation/levers/launches.js'
import { fitGroups } from '../../dist/validation/levers/measured.js'
import { readMeasuredRows } from '../../dist/validation/levers/measuredRows.js'

const TRACES = ['chat', 'code', 'rag', 'reasoning', 'agent', 'mixed']
const EQUAL = [1024, 8192, 32768]
const COUNTS = [1, 2, 4, 8, 16, 32]
const SIZES = [512, 1024, 2048, 4096, 8192, 16384]
/** What the tuned arms try, then the policies that look at lengths. */
const RULES = [
  ...COUNTS.map((count) => `fixed-count(${count})`),
  ...['occupancy-rule', 'k-waves(1)', 'k-waves(2)'],
  ...SIZES.flatMap((size) => [`fixed-size(${size})`, `fixed-size(${size},order=longest-first)`]),
  ...['wave-efficiency', 'wave-repair', 'average-load', 'sqrt-budget', 'resident-chunk', 'payload(320)', 'length-aware'],
]

/** KV lengths of `n` running requests of a trace: a request is found running as often as it has tokens to generate, anywhere in its output. */
function running({ isl, osl, count }, n, rng) {
  const ends = new Float64Array(count)
  for (let i = 0, sum = 0; i < count; i++) ends[i] = sum += osl[i]
  return Array.from({ length: n }, () => {
    const at = rng.uniform() * ends[count - 1]
    const i = ends.findIndex((end) => end > at)
    return isl[i] + Math.ceil(osl[i] - (ends[i] - at)) + 1
  })
}

async function batchesOf({ sizes, first, draws, mostTokens }) {
  const batches = []
  for (const trace of TRACES) {
    const file = new URL(`../../traces/${trace}.swt.gz`, import.meta.url).pathname
    const { workload } = await readTrace(file, { spreadTicks: false })
    for (const n of sizes)
      for (let draw = first; draw < first + draws; draw++)
        batches.push({
          family: trace,
          batch: `${trace}-${n}-${draw}`,
          lengths: running(workload, n, stream(draw, `${trace}/${n}`)),
        })
  }
  for (const n of sizes)
    for (const length of EQUAL) batches.push({ family: 'equal', batch: `equal-${length}-${n}`, lengths: Array(n).fill(length) })
  return batches.filter(({ lengths }) => lengths.reduce((sum, length) => sum + length, 0) <= mostTokens)
}

/** A launch that measure.py makes: the pieces of every request in arrival order, or a rule that says it all. */
function planned(rule, lengths, machine) {
  const { batch, order } = launchOf(lengths)
  const decision = createSplitDecision(batch.n)
  parsePolicy('split', rule, 'rule')().plan(batch, machine, decision)
  const launch = { rule, order: decision.longestFirst ? 'longest-first' : 'arrival' }
  if (decision.kind === SPLIT_PAYLOAD) return launch
  return { ...launch, pieces: Array.from(order, (place) => pieceCount(decision, batch, place, machine)) }
}

const { values } = parseArgs({
  options: {
    measured: { type: 'string' },
    sizes: { type: 'string', default: '8,16,32,64,128' },
    draws: { type: 'string', default: '2' },
    'first-draw': { type: 'string', default: '0' },
    'most-tokens': { type: 'string', default: '16000000' },
  },
})
if (values.measured === undefined) {
  process.stderr.write('--measured is missing: name the launches to fit the constants of the machine to\n')
  process.exit(2)
}
const rows = readMeasuredRows(values.measured)
const [{ group, machine }] = fitGroups(rows)
const batches = await batchesOf({
  sizes: values.sizes.split(',').map(Number),
  first: Number(values['first-draw']),
  draws: Number(values.draws),
  mostTokens: Number(values['most-tokens']),
})
process.stderr.write(`${group}: ${batches.length} batches, ${RULES.length} rules\n`)
process.stdout.write(
  JSON.stringify({
    ...rows[0].kernel,
    slots: machine.slots,
    tile_tokens: machine.tileTokens,
    batches: batches.map((one) => ({ ...one, launches: RULES.map((rule) => planned(rule, one.lengths, machine)) })),
  }),
)

/**
 * `node plan.mjs --measured FIRST.csv > launches.json`: fits the constants of a machine to measured launches, draws batches from the shipped traces and
 * plans 28 rules of eleven policies for them with those constants (not several launches, padded grids, random counts and gates). `measure.py --launches launches.json` then times plans of batches that no fit has seen.
 */
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { UserError } from '../../dist/errors.js'
import { readTrace } from '../../dist/index.js'
import { createSplitDecision, parsePolicy, SPLIT_PAYLOAD } from '../../dist/levers/index.js'
import { pieceCount } from '../../dist/levers/split/pieces.js'
import { stream } from '../../dist/rng.js'
import { launchOf } from '../../dist/validation/levers/launches.js'
import { plannersOf } from '../../dist/validation/levers/measured.js'
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
    const file = fileURLToPath(new URL(`../../traces/${trace}.swt.gz`, import.meta.url))
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

/** A whole number of at least `least`. */
function whole(name, text, least) {
  const value = Number(text)
  if (Number.isInteger(value) && value >= least) return value
  throw new UserError({
    where: `--${name}`,
    message: `expected a whole number of at least ${least}, got '${text}'`,
    hint: 'leave it out for the default',
  })
}

/** Options by name; throws a UserError for what is no option of this script. */
function options() {
  const text = (value) => ({ type: 'string', default: value })
  const known = {
    measured: { type: 'string' },
    sizes: text('8,16,32,64,128'),
    draws: text('2'),
    'first-draw': text('0'),
    'most-tokens': text('16000000'),
  }
  let values
  try {
    values = parseArgs({ options: known }).values
  } catch (error) {
    throw new UserError({ where: 'plan.mjs', message: error.message, hint: `options are ${Object.keys(known).join(', ')}` })
  }
  if (values.measured === undefined) {
    throw new UserError({
      where: '--measured',
      message: 'is missing',
      hint: 'name the launches to fit the constants of the machine to',
    })
  }
  return {
    measured: values.measured,
    sizes: values.sizes.split(',').map((size) => whole('sizes', size, 1)),
    first: whole('first-draw', values['first-draw'], 0),
    draws: whole('draws', values.draws, 1),
    mostTokens: whole('most-tokens', values['most-tokens'], 1),
  }
}

async function main() {
  const { measured, ...chosen } = options()
  const rows = readMeasuredRows(measured)
  const [{ group, machine }, other] = plannersOf(rows)
  if (other !== undefined) {
    throw new UserError({
      where: measured,
      message: `launches of several kernels: ${group}, ${other.group}`,
      hint: 'plan for one kernel at a time',
    })
  }
  const batches = await batchesOf(chosen)
  process.stderr.write(`${group}: ${batches.length} batches, ${RULES.length} rules\n`)
  const { slots, tileTokens: tile_tokens } = machine
  const launches = batches.map((one) => ({ ...one, launches: RULES.map((rule) => planned(rule, one.lengths, machine)) }))
  process.stdout.write(JSON.stringify({ ...rows[0].kernel, slots, tile_tokens, batches: launches }))
}

main().catch((error) => {
  if (!(error instanceof UserError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 2
})

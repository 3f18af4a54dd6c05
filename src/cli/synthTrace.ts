/** The work of `trace synth`. */
import { synthesise } from '../traces/generate/synth.js'
import { writeWorkload } from '../traces/index.js'
import { positiveNumber, wholeNumber } from './options.js'
import { printResult } from './output.js'
import { namedRecipe } from './recipeInput.js'
import { demandTraceOutput, traceNameOf } from './traceOutput.js'

export interface SynthRequest {
  readonly recipe: string
  readonly output: string
  readonly requests?: string
  readonly rate?: string
  readonly set?: readonly string[]
  readonly seed?: string
  readonly overwrite: boolean
}

const MOST_REQUESTS = 100_000_000
const MOST_PER_S = 1e6

export async function synthTrace(args: SynthRequest): Promise<void> {
  const { output } = args
  const recipe = namedRecipe(args.recipe, {
    requests: args.requests === undefined ? undefined : wholeNumber('--requests', args.requests, 1, MOST_REQUESTS),
    ratePerS: args.rate === undefined ? undefined : positiveNumber('--rate', args.rate, MOST_PER_S),
    sets: args.set ?? [],
  })
  const to = demandTraceOutput(output, args.overwrite, [args.recipe])
  const seed = args.seed === undefined ? 1 : wholeNumber('--seed', args.seed, 0, Number.MAX_SAFE_INTEGER)
  const workload = synthesise(recipe, seed, traceNameOf(output))
  await writeWorkload(output, workload, { to, drop: [] })
  printResult(`${output}: ${workload.count} requests`)
}

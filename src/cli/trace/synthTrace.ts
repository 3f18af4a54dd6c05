/** The work of `trace synth` from a recipe. */
import { UserError } from '../../errors.js'
import { MOST_REQUESTS } from '../../traces/generate/recipe.js'
import { synthesise } from '../../traces/generate/synth.js'
import { positiveNumber, wholeNumber } from '../options.js'
import { printResult } from '../output.js'
import { namedRecipe } from './recipeInput.js'
import { demandTraceOutput, traceNameOf, writeTraceOutput } from './traceOutput.js'

export interface SynthRequest {
  readonly recipe: string
  readonly output?: string
  readonly requests?: string
  readonly rate?: string
  readonly set?: readonly string[]
  readonly seed?: string
  readonly overwrite: boolean
  readonly format: string
  readonly recipeOut?: string
  readonly allowDifference: boolean
}

const MOST_PER_S = 1e6

export const requestsOf = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : wholeNumber('--requests', text, 1, MOST_REQUESTS)
export const rateOf = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : positiveNumber('--rate', text, MOST_PER_S)
export const seedOf = (text: string | undefined): number =>
  text === undefined ? 1 : wholeNumber('--seed', text, 0, Number.MAX_SAFE_INTEGER)

/** `idle`: options on reading a trace that were given though none is read. */
export async function synthTrace(args: SynthRequest & { readonly idle: readonly string[] }): Promise<void> {
  const { recipe: name, output } = args
  if (output === undefined) {
    throw new UserError({
      where: 'trace synth',
      message: `no file to write is named beside '${name}'`,
      hint: `for example: shapewise trace synth chat chat.swt.gz`,
    })
  }
  const idle = [
    ...args.idle,
    ...(args.recipeOut === undefined ? [] : ['--recipe-out']),
    ...(args.allowDifference ? ['--allow-difference'] : []),
  ]
  if (idle.length > 0) throw new UserError({ where: idle[0], message: 'has no effect without --like', hint: 'leave it out' })
  const recipe = namedRecipe(name, { requests: requestsOf(args.requests), ratePerS: rateOf(args.rate), sets: args.set ?? [] })
  const to = demandTraceOutput(output, args.overwrite, [name])
  const workload = synthesise(recipe, seedOf(args.seed), traceNameOf(output))
  await writeTraceOutput(output, workload, { to })
  printResult(
    args.format === 'json' ? JSON.stringify({ output, requests: workload.count }) : `${output}: ${workload.count} requests`,
  )
}

/** The work of `trace synth --like`: a recipe fitted to a trace, traffic drawn from it, and whether the two are the same traffic. */
import { UserError } from '../../errors.js'
import { comparisonJson, comparisonTable, type TraceNames } from '../../reports/trace/comparison.js'
import { drawAlike, fitRecipe } from '../../traces/fit/index.js'
import { recipeText } from '../../traces/generate/writeRecipe.js'
import type { ComparisonLine, TraceComparison } from '../../traces/index.js'
import { printJson, printResult, remark } from '../output.js'
import { demandAbsent, demandDistinct, demandWritable, writeOutput } from '../outputFile.js'
import { atRate } from './recipeInput.js'
import { rateOf, requestsOf, type SynthRequest, seedOf } from './synthTrace.js'
import { readNamedTrace, type TraceInput } from './traceInput.js'
import { demandTraceOutput, traceNameOf, writeTraceOutput } from './traceOutput.js'

export async function synthLike(args: SynthRequest, input: TraceInput): Promise<void> {
  // with --like the recipe is not named, so the first word is the output
  const { recipe: output, output: extra, recipeOut } = args
  if (extra !== undefined) {
    throw new UserError({
      where: 'trace synth',
      message: `the recipe is fitted, so '${output}' and '${extra}' are one name too many`,
      hint: 'for example: shapewise trace synth --like FILE OUTPUT',
    })
  }
  if (args.set !== undefined) {
    throw new UserError({
      where: '--set',
      message: 'a fitted recipe is compared as it is',
      hint: 'write it with --recipe-out, then draw from it: shapewise trace synth FITTED.yaml OUTPUT --set …',
    })
  }
  const requests = requestsOf(args.requests)
  const ratePerS = rateOf(args.rate)
  const to = demandTraceOutput(output, args.overwrite, [input.file])
  demandDistinct([
    { flag: null, path: output },
    { flag: '--recipe-out', path: recipeOut },
  ])
  demandRecipeOutput(recipeOut, args.overwrite, input.file)

  const { workload } = await readNamedTrace(input)
  const { recipe: fitted, notes } = fitRecipe(workload, ratePerS)
  for (const note of notes) remark(note)
  const sized = requests === undefined ? fitted : { ...fitted, requests, duration_s: undefined }
  const recipe = ratePerS === undefined ? sized : atRate(sized, ratePerS)
  const {
    workload: drawn,
    seed,
    of,
    comparison,
  } = drawAlike(workload, recipe, seedOf(args.seed), traceNameOf(output), {
    scaleFree: ratePerS !== undefined,
  })
  if (comparison.verdict !== 'same' && !args.allowDifference) throw differs(workload.provenance.name, comparison)
  const origin = of === 1 ? [] : [`Of ${of} draws that of seed ${seed} is written: it was chosen for queues like the file's.`]
  for (const note of origin) remark(note)
  // first the trace: its format may be unable to hold what was drawn
  await writeTraceOutput(output, drawn, { to })
  if (recipeOut !== undefined) writeOutput('--recipe-out', recipeOut, recipeText(recipe, [...notes, ...origin]))
  const names: TraceNames = [workload.provenance.name, output]
  if (args.format === 'json')
    printJson({ output, requests: drawn.count, seed, draws: of, comparison: comparisonJson(comparison, names) })
  else printResult(`${output}: ${drawn.count} requests\n${comparisonTable(comparison, names)}`)
}

function demandRecipeOutput(path: string | undefined, overwrite: boolean, input: string): void {
  if (path === undefined) return
  demandAbsent(path, path, overwrite)
  demandWritable('--recipe-out', path, [input])
}

function differs(name: string, { verdict, lines }: TraceComparison): UserError {
  if (verdict === 'undecided') {
    return new UserError({
      where: name,
      message: 'the trace is too short to say whether traffic is like it',
      hint: 'use a longer trace, or add --allow-difference',
    })
  }
  return new UserError([
    {
      where: name,
      message: 'what was drawn from the fit is not the same traffic; nothing was written',
      hint: 'another --seed may be luckier where a line is only just off; --allow-difference writes it as it is',
    },
    ...lines
      .filter((line) => line.verdict === 'different')
      .map((line) => ({ where: line.statistic, message: differenceText(line) })),
  ])
}

const figure = (value: number | null): string => (value === null ? '–' : String(Number(value.toPrecision(4))))

const differenceText = ({ a, b, low, high, note }: ComparisonLine): string =>
  note ?? `${figure(b)} where the trace has ${figure(a)}; ${figure(low)} to ${figure(high)} would do`

/** The work of `trace sample`. */
import { UserError } from '../../errors.js'
import { MOST_REQUESTS } from '../../traces/generate/recipe.js'
import type { Workload } from '../../traces/index.js'
import { sampled, startsPerS } from '../../traces/transform/sample.js'
import { positiveNumber } from '../options.js'
import { printResult } from '../output.js'
import { readNamedTrace, type TraceInput } from './traceInput.js'
import { demandTraceOutput, derived, writeTraceOutput } from './traceOutput.js'

const MOST_PER_S = 1e6
const MOST_COPIES = 10_000

interface SampleOptions {
  readonly output: string
  readonly rate?: string
  readonly fraction?: string
  readonly copies?: string
  readonly overwrite: boolean
}

export async function sampleTrace(input: TraceInput, options: SampleOptions): Promise<void> {
  const { output, rate, fraction, copies } = options
  const given = [rate, fraction, copies].filter((value) => value !== undefined).length
  if (given !== 1) {
    throw new UserError({
      where: 'trace sample',
      message: `needs exactly one of --rate, --fraction and --copies, got ${given === 0 ? 'none' : given}`,
      hint: 'for example --fraction 0.1',
    })
  }
  const share = fraction === undefined ? null : positiveNumber('--fraction', fraction, 1)
  const times = copies === undefined ? null : positiveNumber('--copies', copies, MOST_COPIES)
  const perS = rate === undefined ? null : positiveNumber('--rate', rate, MOST_PER_S)
  const to = demandTraceOutput(output, options.overwrite, [input.file])
  const { workload } = await readNamedTrace(input)
  const factor = share ?? times ?? (perS as number) / recordedPerS(workload)
  if (factor > MOST_COPIES) {
    throw new UserError({
      where: '--rate',
      message: `${perS} a second is more than ${MOST_COPIES} copies of the trace`,
      hint: 'ask for a lower rate',
    })
  }
  if (factor * workload.count > MOST_REQUESTS) {
    throw new UserError({
      where: output,
      message: `would have about ${Math.round(factor * workload.count).toLocaleString('en')} requests; ${MOST_REQUESTS.toLocaleString('en')} are the most`,
      hint: 'ask for fewer copies or a lower rate',
    })
  }
  const sample = sampled(workload, factor, input.seed ?? 1)
  if (sample.count === 0)
    throw new UserError({ where: workload.provenance.name, message: 'nothing is left of the trace', hint: 'keep a larger part' })
  await writeTraceOutput(output, derived(sample, output, `${Number(factor.toPrecision(4))} times the traffic`), { to })
  printResult(`${output}: ${sample.count} requests of ${workload.count}`)
}

function recordedPerS(workload: Workload): number {
  const perS = startsPerS(workload)
  if (perS !== null) return perS
  throw new UserError({
    where: workload.provenance.name,
    message: 'everything starts at one time, so the trace has no rate to change',
    hint: 'use --fraction or --copies',
  })
}

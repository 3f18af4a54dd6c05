/** The work of `trace sample`, `trace split` and `trace merge`. */
import { UserError } from '../errors.js'
import { MOST_REQUESTS } from '../traces/generate/recipe.js'
import type { Workload } from '../traces/index.js'
import { countArrivals } from '../traces/load.js'
import { createNumbering } from '../traces/requestRows.js'
import { merged } from '../traces/transform/merge.js'
import { sampled } from '../traces/transform/sample.js'
import { splitByTenant, splitByTime } from '../traces/transform/split.js'
import { NS_PER_S } from '../units.js'
import { positiveNumber } from './options.js'
import { printResult } from './output.js'
import { demandDistinct } from './outputFile.js'
import { readNamedTrace, readNamedTraces, type TraceInput } from './traceInput.js'
import { demandTraceOutput, traceNameOf, writeTraceOutput } from './traceOutput.js'

const MOST_PER_S = 1e6
const MOST_COPIES = 10_000
/** Shares of parts add up to 1 but for what was rounded in writing them. */
const ROUNDING = 1e-3

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
  await writeTraceOutput(output, renamed(sample, output, `${Number(factor.toPrecision(4))} times the traffic`), { to })
  printResult(`${output}: ${sample.count} requests of ${workload.count}`)
}

/** Requests, or of a trace with sessions sessions, per second. */
function recordedPerS(workload: Workload): number {
  const { arrivalNs, provenance } = workload
  let lastNs = 0
  for (const timeNs of arrivalNs) if (!Number.isNaN(timeNs)) lastNs = Math.max(lastNs, timeNs)
  if (lastNs > arrivalNs[0]) return (countArrivals(workload) * NS_PER_S) / (lastNs - arrivalNs[0])
  throw new UserError({
    where: provenance.name,
    message: 'everything arrives at one time, so the trace has no rate to change',
    hint: 'use --fraction or --copies',
  })
}

/** With the output's name, and what was done to it. */
function renamed(workload: Workload, output: string, done: string): Workload {
  const { provenance } = workload
  return {
    ...workload,
    provenance: { ...provenance, name: traceNameOf(output), note: `${done}: ${provenance.name}, ${provenance.note}` },
  }
}

interface SplitOptions {
  readonly outputs: readonly string[]
  readonly by: string
  readonly parts?: string
  readonly overwrite: boolean
}

export async function splitTrace(input: TraceInput, { outputs, by, parts, overwrite }: SplitOptions): Promise<void> {
  if (outputs.length < 2) {
    throw new UserError({
      where: 'trace split',
      message: `expected two or more files to write, got ${outputs.join(', ')}`,
      hint: 'for example: shapewise trace split trace.csv first.swt second.swt',
    })
  }
  demandDistinct(outputs.map((path) => ({ flag: null, path })))
  const shares = parts === undefined ? outputs.map(() => 1 / outputs.length) : sharesOf(parts, outputs.length)
  const targets = outputs.map((output) => demandTraceOutput(output, overwrite, [input.file]))
  const { workload } = await readNamedTrace(input)
  if (by === 'tenant' && workload.tenant === null) {
    throw new UserError({
      where: workload.provenance.name,
      message: 'the trace names no tenants',
      hint: 'split it by time, or give it a tenant column',
    })
  }
  const cut = by === 'tenant' ? splitByTenant(workload, shares, input.seed ?? 1) : splitByTime(workload, shares)
  const empty = cut.findIndex(({ count }) => count === 0)
  if (empty >= 0) {
    throw new UserError({
      where: outputs[empty],
      message: `no request of the trace falls into part ${empty + 1}`,
      hint: by === 'tenant' ? 'ask for fewer parts: tenants are not divided' : 'give it a larger share',
    })
  }
  for (const [part, one] of cut.entries())
    await writeTraceOutput(outputs[part], renamed(one, outputs[part], `part ${part + 1} of ${cut.length} by ${by}`), {
      to: targets[part],
    })
  printResult(cut.map((one, part) => `${outputs[part]}: ${one.count} requests`).join('\n'))
}

function sharesOf(text: string, count: number): number[] {
  const shares = text.split(',').map((word) => positiveNumber('--parts', word, 1))
  const sum = shares.reduce((total, share) => total + share, 0)
  if (shares.length === count && Math.abs(sum - 1) < ROUNDING) return shares
  throw new UserError({
    where: '--parts',
    message:
      shares.length === count
        ? `the shares add up to ${Number(sum.toPrecision(4))}`
        : `${shares.length} shares for ${count} files`,
    hint: `for example --parts ${Array.from({ length: count }, () => Number((1 / count).toFixed(4))).join(',')}`,
  })
}

interface MergeOptions {
  readonly files: readonly string[]
  readonly sameIds: boolean
  readonly overwrite: boolean
}

export async function mergeTraces(
  inputOf: (file: string) => TraceInput,
  { files, sameIds, overwrite }: MergeOptions,
): Promise<void> {
  const output = files[files.length - 1]
  const inputs = files.slice(0, -1)
  if (inputs.length < 2) {
    throw new UserError({
      where: 'trace merge',
      message: `expected two or more traces and then the file to write, got ${files.join(', ')}`,
      hint: 'for example: shapewise trace merge chat.csv code.csv both.swt.gz',
    })
  }
  const to = demandTraceOutput(output, overwrite, inputs)
  const names = distinctNames(inputs)
  const blockNumbers = sameIds ? createNumbering<number | string>() : undefined
  const read = await readNamedTraces(inputs.map((file) => ({ ...inputOf(file), blockNumbers })))
  const parts = read.map(({ workload }, at) => ({ name: names[at], workload }))
  const workload = merged(parts, { sameIds, name: traceNameOf(output) })
  await writeTraceOutput(output, workload, { to })
  printResult(`${output}: ${workload.count} requests of ${inputs.length} traces`)
}

/** Names of files without folders and endings; those that would be the same are numbered. */
function distinctNames(files: readonly string[]): string[] {
  const names: string[] = []
  for (const file of files) {
    const plain = traceNameOf(file).replace(/(\.(csv|jsonl?|parquet|swt|zst|gz))+$/, '')
    let name = plain
    for (let number = 2; names.includes(name); number++) name = `${plain}-${number}`
    names.push(name)
  }
  return names
}

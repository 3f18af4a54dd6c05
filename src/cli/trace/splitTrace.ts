/** The work of `trace split`. */
import { UserError } from '../../errors.js'
import { sharesFault, splitByTenant, splitByTime } from '../../traces/transform/split.js'
import { positiveNumber } from '../options.js'
import { printResult } from '../output.js'
import { demandDistinct } from '../outputFile.js'
import { readNamedTrace, type TraceInput } from './traceInput.js'
import { demandTraceOutput, derived, writeTraceOutputs } from './traceOutput.js'

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
  await writeTraceOutputs(
    cut.map((one, part) => ({
      path: outputs[part],
      workload: derived(one, outputs[part], `part ${part + 1} of ${cut.length} by ${by}`),
      to: targets[part],
    })),
  )
  printResult(cut.map((one, part) => `${outputs[part]}: ${one.count} requests`).join('\n'))
}

function sharesOf(text: string, count: number): number[] {
  const shares = text.split(',').map((word) => positiveNumber('--parts', word, 1))
  const fault = shares.length === count ? sharesFault(shares) : `${shares.length} shares for ${count} files`
  if (fault === null) return shares
  throw new UserError({
    where: '--parts',
    message: fault,
    hint: `for example --parts ${Array.from({ length: count }, () => Number((1 / count).toFixed(4))).join(',')}`,
  })
}

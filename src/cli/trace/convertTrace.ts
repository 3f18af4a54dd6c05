/** The work of `trace convert`. */
import { UserError } from '../../errors.js'
import { PARTS, type Part, partsOf } from '../../traces/write/parts.js'
import type { TargetName } from '../../traces/write/targets.js'
import { printResult } from '../output.js'
import { readNamedTrace, type TraceInput } from './traceInput.js'
import { demandTraceOutput, writeTraceOutput } from './traceOutput.js'

export async function convertTrace(
  input: TraceInput,
  target: { readonly output: string; readonly to?: string; readonly drop?: string; readonly overwrite: boolean },
): Promise<void> {
  const { output, overwrite } = target
  const to = demandTraceOutput(output, overwrite, [input.file], target.to as TargetName | undefined)
  const drop = target.drop === undefined ? [] : partsNamed(target.drop)
  const { workload } = await readNamedTrace(input)
  const idle = drop.filter((part) => !partsOf(workload).includes(part))
  if (idle.length > 0)
    throw new UserError({ where: '--drop', message: `the trace has no ${idle.join(', no ')}`, hint: 'leave that out' })
  await writeTraceOutput(output, workload, { to, drop })
  printResult(`${output}: ${workload.count} requests (${to})`)
}

function partsNamed(list: string): Part[] {
  return list.split(',').map((word) => {
    const part = PARTS.find((name) => name === word.trim())
    if (part !== undefined) return part
    throw new UserError({
      where: '--drop',
      message: `there is no part '${word}' of a trace`,
      hint: `give some of ${PARTS.join(', ')}`,
    })
  })
}

/** The work of `trace convert`. */
import { existsSync } from 'node:fs'
import { UserError } from '../errors.js'
import { writeWorkload } from '../traces/index.js'
import { PARTS, type Part, partsOf } from '../traces/write/parts.js'
import { TARGET_ENDINGS, TARGET_NAMES, type TargetName, targetOf } from '../traces/write/targets.js'
import { printResult } from './output.js'
import { readNamedTrace, type TraceInput } from './traceInput.js'

export async function convertTrace(
  input: TraceInput,
  target: { readonly output: string; readonly to?: string; readonly drop?: string; readonly overwrite: boolean },
): Promise<void> {
  const { output, overwrite } = target
  const to = (target.to as TargetName | undefined) ?? targetOf(output)
  const drop = target.drop === undefined ? [] : partsNamed(target.drop)
  if (to === null) {
    const endings = TARGET_NAMES.map((name) => `${TARGET_ENDINGS[name]} for ${name}`)
    throw new UserError({
      where: output,
      message: 'the ending does not tell the format to write',
      hint: `add --to ${TARGET_NAMES.join('|')}, or use the ending ${endings.join(', ')}`,
    })
  }
  if (!overwrite && existsSync(output)) {
    throw new UserError({ where: output, message: 'exists already', hint: 'choose another name, or add --overwrite' })
  }
  const { workload } = await readNamedTrace(input)
  const idle = drop.filter((part) => !partsOf(workload).includes(part))
  if (idle.length > 0)
    throw new UserError({ where: '--drop', message: `the trace has no ${idle.join(', no ')}`, hint: 'leave that out' })
  await writeWorkload(output, workload, { to, drop })
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

/** The work of `trace convert`. */
import { existsSync } from 'node:fs'
import { UserError } from '../errors.js'
import { writeCsv, writeTrace } from '../traces/index.js'
import { printResult } from './output.js'
import { readNamedTrace, type TraceInput } from './traceInput.js'

export async function convertTrace(
  input: TraceInput,
  target: { readonly output: string; readonly to: string; readonly overwrite: boolean },
): Promise<void> {
  const { output, to, overwrite } = target
  if (!overwrite && existsSync(output)) {
    throw new UserError({ where: output, message: 'exists already', hint: 'choose another name, or add --overwrite' })
  }
  const { workload } = await readNamedTrace(input)
  await (to === 'csv' ? writeCsv : writeTrace)(output, workload)
  printResult(`${output}: ${workload.count} requests`)
}

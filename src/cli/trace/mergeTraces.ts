/** The work of `trace merge`. */
import { UserError } from '../../errors.js'
import { createNumbering } from '../../traces/requestRows.js'
import { merged } from '../../traces/transform/merge.js'
import { printResult } from '../output.js'
import { readNamedTraces, type TraceInput } from './traceInput.js'
import { demandTraceOutput, traceNameOf, writeTraceOutput } from './traceOutput.js'

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

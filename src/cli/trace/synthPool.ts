/** The work of `trace synth --pool`: requests drawn from a pool of ServeGen clients. */
import { statSync } from 'node:fs'
import { UserError } from '../../errors.js'
import { drawFromPool } from '../../traces/generate/servegen.js'
import { readPool } from '../../traces/servegen/index.js'
import { positiveNumber } from '../options.js'
import { printResult, remark } from '../output.js'
import { type SynthRequest, seedOf } from './synthTrace.js'
import { demandTraceOutput, writeTraceOutput } from './traceOutput.js'

export interface PoolRequest extends SynthRequest {
  readonly pool: string
  readonly fromHour?: string
  readonly hours?: string
  readonly scale?: string
  /** Options that were given and are not for pools. */
  readonly idle: readonly string[]
}

const MOST_HOURS = 24 * 366
const MOST_SCALE = 1e6

export async function synthPool(args: PoolRequest): Promise<void> {
  const { pool: folder, recipe: output } = args
  const idle = (
    [
      ['--requests', args.requests],
      ['--rate', args.rate],
      ['--set', args.set],
      ['--recipe-out', args.recipeOut],
      ['--allow-difference', args.allowDifference || undefined],
      [args.output ?? '', args.output],
      ...args.idle.map((flag) => [flag, flag] as const),
    ] as const
  ).find(([, value]) => value !== undefined)
  if (idle !== undefined) {
    const hint = 'leave it out; --from-hour, --hours and --scale say what is drawn'
    throw new UserError({ where: idle[0], message: 'has no effect with --pool', hint })
  }
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UserError({
      where: '--pool',
      message: `${folder} is no folder`,
      hint: 'give the folder with chunk-N-trace.csv and chunk-N-dataset.json',
    })
  }
  const draw = {
    fromHour: hourOf(args.fromHour ?? '0'),
    hours: positiveNumber('--hours', args.hours ?? '1', MOST_HOURS),
    scale: positiveNumber('--scale', args.scale ?? '1', MOST_SCALE),
    seed: seedOf(args.seed),
  }
  const to = demandTraceOutput(output, args.overwrite, [])
  const workload = drawFromPool(readPool(folder), draw)
  await writeTraceOutput(output, workload, { to })
  remark(workload.provenance.note)
  printResult(
    args.format === 'json' ? JSON.stringify({ output, requests: workload.count }) : `${output}: ${workload.count} requests`,
  )
}

function hourOf(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text)
  throw new UserError({
    where: '--from-hour',
    message: `expected an hour of 0 or more, got '${text}'`,
    hint: 'for example --from-hour 14',
  })
}

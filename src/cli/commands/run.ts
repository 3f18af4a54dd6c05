/** `shapewise run`: one arm on one scenario, or straight on a trace of three columns. */
import { UserError } from '../../errors.js'
import { defineCommand } from '../command.js'
import { interruptSignal, unlessInterrupted } from '../interrupt.js'
import { armOption, checkOutput, type OutputArgs, overrides, parseArm, positiveNumber, withResultOptions } from '../options.js'

/** A year: times of a simulation are whole ns below 2^53. */
const MOST_SECONDS = 31_536_000

interface RunArgs extends OutputArgs {
  readonly input: string
  readonly arm: string
  readonly set?: string[]
  readonly seed?: string
  readonly quiet: boolean
  readonly 'no-requests': boolean
  readonly 'export-trace'?: string
  readonly 'stop-at'?: string
  readonly 'save-state'?: string
  readonly 'warm-from'?: string
}

export const runCommand = defineCommand<RunArgs>({
  command: 'run [input]',
  describe: 'Simulate one arm on a scenario (.yaml), or on a trace as it was recorded',
  builder: (yargs) =>
    withResultOptions(
      yargs
        .positional('input', {
          type: 'string',
          default: 'scenarios/demo.yaml',
          describe: 'A scenario, or a trace (three-column CSV, Azure CSV, Mooncake JSONL, .swt; .gz too)',
        })
        .option('arm', armOption)
        .option('no-requests', {
          type: 'boolean',
          default: false,
          describe: 'Leave requests.parquet, one row per request, out of the run folder',
        })
        .option('export-trace', {
          type: 'string',
          requiresArg: true,
          describe:
            'Write the requests as they were sent to a trace (.swt): replayed with speed_up 1 it gives the same run; with --stop-at those sent by then',
        })
        .option('stop-at', { type: 'string', requiresArg: true, describe: 'End the run at this simulated time, s' })
        .option('save-state', {
          type: 'string',
          requiresArg: true,
          describe: 'With --stop-at: write the state of engines and caches at that time to this file',
        })
        .option('warm-from', {
          type: 'string',
          requiresArg: true,
          describe: 'Continue from a saved state, with the same arm or another; what came before is not measured',
        }),
    )
      .example('$0 run trace.csv', 'Llama-3.1-70B on one GB200 rack serves the trace as recorded')
      .example('$0 run trace.csv --set workload.read.time_unit=ms', 'a trace whose file does not say that its times are in ms')
      .example('$0 run scenarios/demo.yaml --arm shape-aware', 'one arm of a scenario')
      .example('$0 run my.yaml --stop-at 600 --save-state warm.state', 'ten minutes, then any arm from there with --warm-from')
      .example('$0 run trace.csv --arm mine=rank:./my-policy.ts', 'a policy of your own, see `shapewise policy new`')
      .example('$0 run trace.csv --set engines.0.count=4 --format json', 'fewer engines, results for a program'),
  handler: async (args) => {
    checkOutput(args)
    if (args['no-requests'] && args.format === 'json' && args.out === undefined)
      throw new UserError({
        where: '--no-requests',
        message: 'has no effect here: --format json writes no run folder',
        hint: 'leave it out, or give --out',
      })
    const exportTrace = args['export-trace']
    if (exportTrace !== undefined && !/\.swt(\.gz)?$/.test(exportTrace))
      throw new UserError({
        where: `--export-trace ${exportTrace}`,
        message: 'a run is written as a .swt trace, which holds all of it',
        hint: 'end the name in .swt or .swt.gz; `shapewise trace convert` makes other formats of it',
      })
    const stopAtS = args['stop-at'] === undefined ? undefined : positiveNumber('--stop-at', args['stop-at'], MOST_SECONDS)
    const { 'save-state': saveState, 'warm-from': warmFrom } = args
    if (saveState !== undefined && stopAtS === undefined)
      throw new UserError({
        where: '--save-state',
        message: 'needs --stop-at: at the end of a run nothing is left to go on with',
        hint: 'add --stop-at SECONDS',
      })
    if (exportTrace !== undefined && warmFrom !== undefined)
      throw new UserError({
        where: '--export-trace',
        message: 'a run that goes on from a saved state does not hold the requests before it',
        hint: 'leave --warm-from or --export-trace out',
      })
    const sets = overrides(args.set, args.seed)
    const { name: arm, arms } = parseArm(args.arm)
    const signal = interruptSignal()
    const { runOne } = await import('../run/runOne.js')
    await unlessInterrupted(signal, () =>
      runOne({ ...requestOf(args), arm, arms, exportTrace, stopAtS, saveState, warmFrom, sets, signal }),
    )
  },
})

/** What a thread can be handed: yargs' own keys may hold functions. */
const requestOf = ({ input, quiet, 'no-requests': withoutRequests, format, out, overwrite }: RunArgs) => ({
  input,
  quiet,
  requests: !withoutRequests,
  format,
  out,
  overwrite,
})

/** `shapewise calibrate`: fits the few global constants to measured serving rows. */
import { UserError } from '../../errors.js'
import { defineCommand } from '../command.js'
import { interruptSignal, unlessInterrupted } from '../interrupt.js'
import { formatOption, overwriteOption, quietOption, rowRunOf, seedOption, threadsOption } from '../options.js'

interface CalibrateArgs {
  readonly rows?: string
  readonly settings?: string
  readonly start?: string
  readonly out?: string
  readonly overwrite: boolean
  readonly threads?: string
  readonly seed?: string
  readonly format: string
  readonly quiet: boolean
}

export const calibrateCommand = defineCommand<CalibrateArgs>({
  command: 'calibrate',
  describe: 'Fit the global constants of the timing model to measured serving rows',
  builder: (yargs) =>
    yargs
      .option('rows', { type: 'string', requiresArg: true, describe: 'CSV of measured rows, as for validate' })
      .option('settings', {
        type: 'string',
        requiresArg: true,
        describe: 'CSV of the serving settings behind the rows (default: recipe-settings.csv beside the rows)',
      })
      .option('start', { type: 'string', requiresArg: true, describe: 'Calibration to start from (default: the shipped one)' })
      .option('out', {
        type: 'string',
        requiresArg: true,
        describe: 'JSON file to write; without it the constants are only printed',
      })
      .option('overwrite', { ...overwriteOption, describe: 'Replace the file named by --out' })
      .option('threads', threadsOption)
      .option('seed', { ...seedOption, describe: 'Seed of the drawn lengths' })
      .option('format', formatOption)
      .option('quiet', quietOption)
      .example('$0 calibrate --rows nvl72_serving.csv --out mine.json', 'then: validate --rows … --calibration mine.json')
      .epilogue(
        'One set of constants for all rows, each with a physical meaning; none belongs to a configuration. Rows of tier C and rows without a ' +
          'measured TPOT are left out. Ranges come from drawing whole configurations again.',
      ),
  handler: async (args) => {
    const { rows, threads, seed } = rowRunOf('calibrate', args)
    if (args.overwrite && args.out === undefined)
      throw new UserError({
        where: '--overwrite',
        message: 'has no effect without --out',
        hint: 'add --out FILE or leave it out',
      })
    const { settings, start, out, overwrite, format, quiet } = args
    const signal = interruptSignal()
    const { calibrateRows } = await import('../validate/calibrateRows.js')
    await unlessInterrupted(signal, () =>
      calibrateRows({ rows, settings, start, out, overwrite, threads, seed, format, quiet, signal }),
    )
  },
})

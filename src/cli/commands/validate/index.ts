/**
 * `shapewise validate`: the simulator against measurements. Each sub-command is declared in a file of its own and listed in VERBS;
 * without one, measured serving rows are simulated.
 */
import type { CommandModule } from 'yargs'
import { UserError } from '../../../errors.js'
import type { FoldRule } from '../../../validation/fit/folds.js'
import { defineCommand } from '../../command.js'
import { interruptSignal, unlessInterrupted } from '../../interrupt.js'
import { formatOption, quietOption, rowRunOf, seedOption, threadsOption, wholeNumber } from '../../options.js'
import { validateEngineCommand } from './engine.js'
import { validateKernelsCommand } from './kernels.js'
import { validateLeversCommand } from './levers.js'

interface ValidateArgs {
  readonly rows?: string
  readonly settings?: string
  readonly threads?: string
  readonly seed?: string
  readonly calibration?: string
  readonly 'cross-validate'?: string
  readonly by?: string
  readonly draws?: string
  readonly report?: string
  readonly docs?: string
  readonly format: string
  readonly quiet: boolean
}

const VERBS: readonly CommandModule[] = [validateEngineCommand, validateKernelsCommand, validateLeversCommand]

const MOST_DRAWS = 40
const DEFAULT_FOLDS = 5
const MOST_FOLDS = 50

function crossValidationOf(args: ValidateArgs): { folds: number; by: FoldRule } | null {
  if (args['cross-validate'] === undefined && args.by === undefined) return null
  const folds =
    args['cross-validate'] === undefined ? DEFAULT_FOLDS : wholeNumber('--cross-validate', args['cross-validate'], 2, MOST_FOLDS)
  return { folds, by: args.by === 'pair' ? 'pair' : 'config_key' }
}

/** Options of this command alone: its sub-commands have their own. */
const own = { global: false, requiresArg: true } as const

export const validateCommand = defineCommand<ValidateArgs>({
  command: 'validate',
  describe: 'Simulate measured serving rows and print every error',
  builder: (yargs) => {
    for (const verb of VERBS) yargs.command(verb)
    return yargs
      .option('rows', {
        ...own,
        type: 'string',
        describe: 'CSV of measured rows: system, model, shape, lengths, concurrency, ttft_ms, tpot_ms (blank = only simulated)',
      })
      .option('settings', {
        ...own,
        type: 'string',
        describe: 'CSV of the serving settings behind the rows, joined by id (default: recipe-settings.csv beside the rows)',
      })
      .option('calibration', {
        ...own,
        type: 'string',
        describe: 'Fitted constants: a JSON file of `calibrate` (default: the shipped nvl72)',
      })
      .option('cross-validate', {
        ...own,
        type: 'string',
        describe: 'Refit on the other folds and predict each: number of folds, 2 to 50 (default with --by: 5)',
      })
      .option('by', {
        ...own,
        type: 'string',
        choices: ['config_key', 'pair'],
        describe: 'What stays together in a fold: the true shape (default), or a whole (model, system)',
      })
      .option('draws', {
        ...own,
        type: 'string',
        describe: 'Also simulate with this many draws of the constants: a range per row',
      })
      .option('report', { ...own, type: 'string', describe: 'HTML file to write: simulated against measured, the worst rows' })
      .option('docs', {
        ...own,
        type: 'string',
        describe: 'Markdown file to write: every row, constants, and what each part of the model is worth',
      })
      .option('threads', { ...threadsOption, global: false })
      .option('seed', { ...seedOption, global: false, describe: 'Seed of the drawn lengths' })
      .option('format', { ...formatOption, global: false })
      .option('quiet', { ...quietOption, global: false })
      .example('$0 validate --rows nvl72_serving.csv', 'every row: simulated, measured, error; then groups and ranks')
      .example('$0 validate --rows nvl72_serving.csv --cross-validate 5 --by config_key', 'held-out errors')
      .epilogue(
        'Rows are simulated, never fitted. A row is one deployment at one concurrency, loaded as the benchmark loads it: a closed loop ' +
          'from an empty system, 10 requests per place, lengths uniform on [0.8, 1] of the nominal ones. Settings win over the shape ' +
          'columns of a row. Rows that cannot be simulated are refused with a reason each.',
      )
  },
  handler: async (args) => {
    const { rows, threads, seed } = rowRunOf('validate', args)
    const { settings, calibration, report, docs, format, quiet } = args
    const crossValidation = crossValidationOf(args)
    const draws = args.draws === undefined ? 0 : wholeNumber('--draws', args.draws, 2, MOST_DRAWS)
    if (draws > 0 && crossValidation !== null) {
      throw new UserError({
        where: '--draws',
        message: 'draws are of the constants of one calibration; cross-validation has one set for each fold',
        hint: 'leave out --draws or --cross-validate',
      })
    }
    const signal = interruptSignal()
    const { validateRows } = await import('../../validate/validateRows.js')
    await unlessInterrupted(signal, () =>
      validateRows({ rows, settings, calibration, crossValidation, draws, report, docs, threads, seed, format, quiet, signal }),
    )
  },
})

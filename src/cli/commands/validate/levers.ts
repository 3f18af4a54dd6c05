/** `shapewise validate levers`: the model of the levers against published measurements, or against measured launches of a kernel. */
import { UserError } from '../../../errors.js'
import { defineCommand } from '../../command.js'
import { formatOption } from '../../options.js'

interface ValidateLeversArgs {
  readonly measured?: string
  readonly train?: readonly string[]
  readonly report?: string
  readonly docs?: string
  readonly format: string
}

export const validateLeversCommand = defineCommand<ValidateLeversArgs>({
  command: 'levers',
  describe: 'Published gains of partitioning against simulated ones, cell by cell',
  builder: (yargs) =>
    yargs
      .option('measured', {
        type: 'string',
        requiresArg: true,
        describe: 'CSV of measured launches (scripts/measure-split): fit on half of its batches, judge on the others',
      })
      .option('train', {
        type: 'string',
        array: true,
        nargs: 1,
        describe: 'Launches to fit the constants and to tune counts on, so that all of --measured is judged (repeatable)',
      })
      .option('report', { type: 'string', requiresArg: true, describe: 'HTML file to write: published against simulated' })
      .option('docs', { type: 'string', requiresArg: true, describe: 'Markdown file to write or update' })
      .option('format', formatOption)
      .example('$0 validate levers', 'every published cell: sign, size, and why it is missed')
      .example('$0 validate levers --measured rows.csv', 'constants of your GPU, and how well the model predicts it')
      .example('$0 validate levers --measured new.csv --train rows.csv', 'launches of new batches, judged by what is known')
      .epilogue(
        'Cells are ratios of the older way over the newer way. The constants of the model were fitted to the rows of role fit alone and then ' +
          'frozen. Kernel cells are computed by list scheduling, cells of whole engines by what the column `by` says. What a source leaves ' +
          'open is assumed; --format json says what.',
      ),
  handler: async ({ measured, train, report, docs, format }) => {
    if (measured !== undefined && (report !== undefined || docs !== undefined)) {
      throw new UserError({
        where: report === undefined ? '--docs' : '--report',
        message: 'has no effect with --measured: the page is of published cells',
        hint: 'leave it or --measured out',
      })
    }
    if (measured === undefined && train !== undefined) {
      throw new UserError({
        where: '--train',
        message: 'has no effect without --measured',
        hint: 'name the launches to judge with --measured, or leave it out',
      })
    }
    const { validateLeverCells, validateMeasuredLaunches } = await import('../../validate/validateLevers.js')
    if (measured === undefined) validateLeverCells({ report, docs, format })
    else validateMeasuredLaunches(measured, train ?? [], format)
  },
})

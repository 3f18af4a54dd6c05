/** `shapewise validate kernels`: measured kernel rows against the shipped tables. */
import { defineCommand } from '../../command.js'
import { formatOption, quietOption } from '../../options.js'

interface ValidateKernelsArgs {
  readonly rows: string
  readonly format: string
  readonly quiet: boolean
}

export const validateKernelsCommand = defineCommand<ValidateKernelsArgs>({
  command: 'kernels',
  describe: 'Predict measured kernel rows from the shipped tables',
  builder: (yargs) =>
    yargs
      .option('rows', {
        type: 'string',
        demandOption: true,
        requiresArg: true,
        describe: 'Folder of kernel tables (.csv, .csv.gz), named like gb200_gemm_trtllm-1.3.0rc20.csv.gz',
      })
      .option('format', formatOption)
      .option('quiet', quietOption)
      .example('$0 validate kernels --rows left-out-rows', 'median and 90th percentile of the error by file, operation and type')
      .epilogue(
        'Every row is predicted from the shipped tables alone, as measured: before the repairs that the price of a step applies to ' +
          'outliers. Rows whose shape is not in the tables stay without a prediction and say why. DeepEP rows have two times: both are ' +
          'predicted and judged, predicted_us is their sum. Rows that the tables were made from read back almost exactly: only rows kept ' +
          'out of them tell how good the tables are. Interpolation = what reading between neighbouring rows reaches on such rows.',
      ),
  handler: async ({ rows, format, quiet }) => {
    const { validateKernels } = await import('../../validate/validateKernels.js')
    validateKernels(rows, format, quiet)
  },
})

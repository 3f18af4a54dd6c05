/** `shapewise validate engine`: measured runs of single engines, replayed request by request. */
import { defineCommand } from '../../command.js'
import { formatOption, quietOption } from '../../options.js'

interface ValidateEngineArgs {
  readonly rows: string
  readonly format: string
  readonly quiet: boolean
}

export const validateEngineCommand = defineCommand<ValidateEngineArgs>({
  command: 'engine',
  describe: 'Replay measured runs of one GPU request by request, fitted on the first third of each',
  builder: (yargs) =>
    yargs
      .option('rows', {
        type: 'string',
        demandOption: true,
        requiresArg: true,
        describe: 'Folder of runs, one JSONL file each (.jsonl, .jsonl.gz), named MACHINE_MODEL',
      })
      .option('format', formatOption)
      .option('quiet', quietOption)
      .example('$0 validate engine --rows measured-runs', 'fitted numbers and median errors of every run')
      .epilogue(
        'A line is {"request_id", "input_toks", "output_toks", "queued_ts", "first_token_ts", "last_token_ts"}, times in seconds. Five ' +
          'numbers describe the machine of a run: time of a step, of a token, of a KV token read, the steps scheduled ahead, and a limit ' +
          'of admissions (sequences or KV tokens). They are fitted on the first third of the requests alone; then the whole run is ' +
          'simulated and the other two thirds are judged.',
      ),
  handler: async ({ rows, format, quiet }) => {
    const { validateEngine } = await import('../../validate/validateEngine.js')
    validateEngine(rows, format, quiet)
  },
})

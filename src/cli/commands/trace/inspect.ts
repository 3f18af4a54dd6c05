/** `shapewise trace inspect`: what is in a trace file. */
import { UserError } from '../../../errors.js'
import { defineCommand } from '../../command.js'
import { formatOption } from '../../options.js'
import { readingGiven, type TraceArgs, traceInput, traceInputOptions } from './input.js'

interface InspectArgs extends TraceArgs {
  readonly format: string
  readonly lru?: string
  readonly html?: string
}

export const inspectCommand = defineCommand<InspectArgs>({
  command: 'inspect <file>',
  describe: 'Print lengths, arrivals, prefix reuse, sessions and faults of a trace',
  builder: (yargs) =>
    traceInputOptions(yargs)
      .option('format', formatOption)
      .option('lru', {
        type: 'string',
        requiresArg: true,
        describe: 'Sizes of LRU prefix caches in tokens, as in 500k,2M (default: 1M,3M,10M,30M)',
      })
      .option('html', { type: 'string', requiresArg: true, describe: 'Write a page with plots to this file' })
      .hide('keep-ticks') // ticks stay as they are here
      .example('$0 trace inspect trace.csv', 'quantiles of input and output tokens, burstiness, skipped rows')
      .example('$0 trace inspect trace.jsonl --html trace.html', 'the same as a page with plots'),
  handler: async (args) => {
    const { inspectTrace } = await import('../../trace/inspectTrace.js')
    const lruTokens = args.lru === undefined ? undefined : args.lru.split(',').map(cacheTokens)
    await inspectTrace(traceInput(args), {
      format: args.format,
      lruTokens,
      html: args.html,
      given: readingGiven({ ...args }),
    })
  },
})

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1e3, M: 1e6, G: 1e9 }

/** `500k`, `2M`, `1.5M` or a plain number of tokens. */
function cacheTokens(text: string): number {
  const [, size, unit] = /^\s*(\d+(?:\.\d+)?)\s*([kMG]?)\s*$/.exec(text) ?? []
  const tokens = size === undefined ? Number.NaN : Math.round(Number(size) * UNITS[unit])
  if (tokens >= 1 && tokens <= Number.MAX_SAFE_INTEGER) return tokens
  throw new UserError({
    where: '--lru',
    message: `expected sizes in tokens such as 500k or 2M, separated by commas, got '${text}'`,
    hint: 'for example --lru 1M,3M,10M',
  })
}

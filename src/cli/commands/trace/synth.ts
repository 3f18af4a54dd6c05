/** `shapewise trace synth`: traffic drawn from a recipe, or from one that is fitted to a trace. */
import { UserError } from '../../../errors.js'
import { defineCommand } from '../../command.js'
import { formatOption, seedOption } from '../../options.js'
import { readingGiven, readingOptions, type TraceArgs, traceInput } from './input.js'

interface SynthArgs extends Omit<TraceArgs, 'file'> {
  readonly recipe: string
  readonly output?: string
  readonly like?: string
  readonly 'recipe-out'?: string
  readonly 'allow-difference': boolean
  readonly pool?: string
  readonly 'from-hour'?: string
  readonly hours?: string
  readonly scale?: string
  readonly requests?: string
  readonly rate?: string
  readonly set?: readonly string[]
  readonly overwrite: boolean
  readonly format: string
}

const POOL_FLAGS = ['from-hour', 'hours', 'scale'] as const
export const synthCommand = defineCommand<SynthArgs>({
  command: 'synth <recipe> [output]',
  describe: 'Draw traffic from a recipe, or traffic like that of a trace',
  builder: (yargs) =>
    readingOptions(
      yargs
        .usage('$0 trace synth RECIPE OUTPUT\n$0 trace synth --like FILE OUTPUT\n$0 trace synth --pool FOLDER OUTPUT')
        .positional('recipe', {
          type: 'string',
          demandOption: true,
          describe:
            'A preset (chat, code, rag, reasoning, agent, agent-steps, batch, mixed, equal) or a YAML file; data/recipes has those of the presets',
        })
        .positional('output', {
          type: 'string',
          describe: 'The trace to write; its ending tells the format (.swt and .swt.gz keep everything)',
        })
        .option('requests', { type: 'string', requiresArg: true, describe: "Number of requests, instead of the recipe's" })
        .option('rate', {
          type: 'string',
          requiresArg: true,
          describe: 'Requests per second (with sessions: sessions), all streams together; the mix stays',
        })
        .option('set', {
          type: 'string',
          array: true,
          requiresArg: true,
          describe: 'Override a key of the recipe, as in block_tokens=512 (repeatable)',
        })
        .option('seed', seedOption)
        .option('overwrite', { type: 'boolean', default: false, describe: 'Replace the output files' })
        .option('like', {
          type: 'string',
          requiresArg: true,
          describe: 'Fit a recipe to this trace, draw from it, and compare the two; nothing is written when they differ',
        })
        .option('recipe-out', {
          type: 'string',
          requiresArg: true,
          describe: 'With --like: write the fitted recipe to this .yaml file',
        })
        .option('pool', {
          type: 'string',
          requiresArg: true,
          describe: 'Draw from this folder of ServeGen clients; each is a tenant',
        })
        .option('from-hour', {
          type: 'string',
          requiresArg: true,
          describe: 'With --pool: hour to begin at, from midnight of its first day (default 0)',
        })
        .option('hours', { type: 'string', requiresArg: true, describe: 'With --pool: number of hours (default 1)' })
        .option('scale', { type: 'string', requiresArg: true, describe: 'With --pool: factor on the recorded rates (default 1)' })
        .option('allow-difference', {
          type: 'boolean',
          default: false,
          describe: 'With --like: write traffic even if it differs',
        })
        .option('format', formatOption),
    )
      .example('$0 trace synth chat chat.swt.gz --rate 20 --seed 7', 'chat at 20 requests a second')
      .example(
        '$0 trace synth code code.swt.gz --set streams.code.arrivals="{law: gamma, cv: 3}"',
        'the lengths of code completion with other arrivals: a law with its parameters',
      )
      .example('$0 trace synth mine.yaml mine.swt.gz', 'a recipe of your own; begin with a copy from data/recipes')
      .example(
        '$0 trace synth --like production.csv alike.swt.gz --recipe-out production.yaml',
        'traffic like it, and the recipe',
      ),
  handler: async (args) => {
    const request = { ...args, recipeOut: args['recipe-out'], allowDifference: args['allow-difference'] }
    for (const flag of POOL_FLAGS)
      if (args.pool === undefined && args[flag] !== undefined)
        throw new UserError({ where: `--${flag}`, message: 'has no effect without --pool', hint: 'leave it out' })
    if (args.pool !== undefined) {
      const { synthPool } = await import('../../trace/synthPool.js')
      const idle = [...readingGiven({ ...args }), ...(args.like === undefined ? [] : ['--like'])]
      await synthPool({ ...request, pool: args.pool, fromHour: args['from-hour'], idle })
      return
    }
    if (args.like === undefined) {
      const { synthTrace } = await import('../../trace/synthTrace.js')
      await synthTrace({ ...request, idle: readingGiven({ ...args }) })
      return
    }
    const { synthLike } = await import('../../trace/synthLike.js')
    await synthLike(request, traceInput({ ...args, file: args.like }, 'draws'))
  },
})

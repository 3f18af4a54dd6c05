/** The options by which every verb of `trace` reads a file. What they mean is said once, in traces/options.ts. */
import type { Argv } from 'yargs'
import { UserError } from '../../../errors.js'
import { nearest } from '../../../suggest.js'
import { FORMAT_NAMES } from '../../../traces/formats/catalogue.js'
import { DUPLICATE_RULES, keepsAll, ORDER_RULES, OVER_LIMIT_RULES, parseWindow, TIME_UNITS } from '../../../traces/rules.js'
import { COLUMN_ROLES } from '../../../traces/table/roles.js'
import { seedOption, wholeNumber } from '../../options.js'
import type { TraceInput } from '../../trace/traceInput.js'

export interface TraceArgs {
  readonly file: string
  readonly from?: string
  readonly 'spread-ticks': boolean
  readonly 'keep-ticks': boolean
  readonly seed?: string
  readonly columns?: string
  readonly 'time-unit'?: string
  readonly outputs?: string
  readonly order?: string
  readonly duplicates?: string
  readonly 'block-tokens'?: string
  readonly 'context-limit'?: string
  readonly 'over-limit'?: string
  readonly limit?: string
  readonly window?: string
  readonly 'share-system-prompt': boolean
}

const MOST_TOKENS = 2 ** 31 - 1
const ROLES: readonly string[] = COLUMN_ROLES
const text = (describe: string) => ({ type: 'string', requiresArg: true, describe }) as const
const choice = (choices: readonly string[], describe: string) => ({ ...text(describe), choices }) as const

/** Declares the file and how it is read. */
export const traceInputOptions = (yargs: Argv<object>) =>
  readingOptions(yargs.positional('file', { type: 'string', demandOption: true, describe: 'A trace' })).option('seed', seedOption)

/** Declares how a trace is read. */
export const readingOptions = <T>(yargs: Argv<T>) =>
  yargs
    .option('from', choice(FORMAT_NAMES, 'Format of the file (default: recognised by its content; `trace formats` explains)'))
    .option('spread-ticks', {
      type: 'boolean',
      default: false,
      describe: 'Spread coarse ticks of the recorded times uniformly over their length',
    })
    .option('keep-ticks', {
      type: 'boolean',
      default: false,
      describe: 'Keep such ticks as real bursts',
    })
    .option('columns', text(`Columns of a table by name or position: ROLE=COLUMN,..., roles ${COLUMN_ROLES.join(', ')}`))
    .option('time-unit', choice(TIME_UNITS, 'Unit of the times (default: what the format or the column name says)'))
    .option('outputs', text('Requests without output tokens: skip (default; weka: 1), fail, or the number of tokens they get'))
    .option('order', choice(ORDER_RULES, 'Rows out of order in time (default: sort)'))
    .option('duplicates', choice(DUPLICATE_RULES, 'Rows that repeat another one exactly (default: keep)'))
    .option('block-tokens', text('Tokens of a prefix block (default: what the file says or its numbers of ids imply)'))
    .option('context-limit', text('Most tokens of a request, input and output together (default: no limit)'))
    .option(
      'over-limit',
      choice(
        OVER_LIMIT_RULES,
        'Requests beyond --context-limit (default: drop); clip cuts the input, and an output that leaves it no token',
      ),
    )
    .option('limit', text('Read only the first N requests'))
    .option('window', text('Keep the requests from START..END seconds after the first, as in 600..1200'))
    .option('share-system-prompt', {
      type: 'boolean',
      default: false,
      describe: 'Let sessions share the prefix of their tools and system prompt, where ids are per session',
    })

/** Whether the verb draws random numbers itself; else a seed acts on the spreading of ticks alone. */
export type Draws = 'draws' | 'draws nothing'

export const traceInput = (args: TraceArgs, draws: Draws = 'draws nothing'): TraceInput => {
  if (args.seed !== undefined && draws === 'draws nothing' && !args['spread-ticks'])
    throw new UserError({
      where: '--seed',
      message: 'has no effect here: without --spread-ticks nothing is drawn',
      hint: 'leave it out, or add --spread-ticks for a trace with coarse times',
    })
  if (args['spread-ticks'] && args['keep-ticks'])
    throw new UserError({ where: '--keep-ticks', message: 'says the opposite of --spread-ticks', hint: 'give one of the two' })
  const count = (flag: keyof TraceArgs, least: number): number | undefined => {
    const given = args[flag] as string | undefined
    return given === undefined ? undefined : wholeNumber(`--${flag}`, given, least, MOST_TOKENS)
  }
  return {
    file: args.file,
    from: args.from as TraceInput['from'],
    spreadTicks: args['spread-ticks'],
    keepTicks: args['keep-ticks'],
    columns: columnsOf(args.columns, args['time-unit']),
    outputs: outputsOf(args.outputs),
    order: args.order as TraceInput['order'],
    duplicates: args.duplicates as TraceInput['duplicates'],
    blockTokens: count('block-tokens', 1),
    contextLimit: count('context-limit', 2),
    overLimit: args['over-limit'] as TraceInput['overLimit'],
    limit: count('limit', 1),
    window: args.window === undefined ? undefined : windowOf(args.window),
    shareSystemPrompt: args['share-system-prompt'],
    seed: args.seed === undefined ? 1 : wholeNumber('--seed', args.seed, 0, Number.MAX_SAFE_INTEGER),
  }
}

/** Options on reading that were given, as typed. */
export function readingGiven(args: Readonly<Record<string, unknown>>): string[] {
  const names = [
    'from',
    'spread-ticks',
    'keep-ticks',
    'columns',
    'time-unit',
    'outputs',
    'order',
    'duplicates',
    'block-tokens',
    'context-limit',
    'over-limit',
    'limit',
    'window',
    'share-system-prompt',
  ]
  return names.filter((name) => args[name] !== undefined && args[name] !== false).map((name) => `--${name}`)
}

function columnsOf(given: string | undefined, timeUnit: string | undefined): TraceInput['columns'] {
  if (given === undefined) return timeUnit === undefined ? undefined : { timeUnit }
  const chosen: Record<string, string> = timeUnit === undefined ? {} : { timeUnit }
  for (const entry of given.split(',')) {
    const [, role, column] = /^\s*(\w+)=(.+?)\s*$/.exec(entry) ?? []
    const known = role !== undefined && ROLES.includes(role)
    if (known && chosen[role] === undefined) {
      chosen[role] = column
      continue
    }
    const meant = nearest(role ?? entry, ROLES)
    throw new UserError({
      where: '--columns',
      message: known ? `the ${role} is named twice` : `expected ROLE=COLUMN, got '${entry}'`,
      hint: meant === null || meant === role ? `roles are ${ROLES.join(', ')}` : `did you mean ${meant}=${column ?? '...'}?`,
    })
  }
  return chosen
}

function outputsOf(given: string | undefined): TraceInput['outputs'] {
  if (given === undefined || given === 'skip' || given === 'fail') return given
  if (/^\d+$/.test(given)) return wholeNumber('--outputs', given, 1, MOST_TOKENS)
  throw new UserError({
    where: '--outputs',
    message: `expected skip, fail or a number of tokens, got '${given}'`,
    hint: 'for example --outputs skip',
  })
}

function windowOf(given: string): TraceInput['window'] {
  const window = parseWindow(given)
  if (window !== null && keepsAll(window))
    throw new UserError({
      where: '--window',
      message: `has no effect: '${given}' keeps every request`,
      hint: 'leave it out, or name a START or an END',
    })
  if (window !== null) return window
  throw new UserError({
    where: '--window',
    message: `expected START..END in seconds, START before END, got '${given}'`,
    hint: 'for example --window 600..1200, or --window 600.. for all from ten minutes on',
  })
}

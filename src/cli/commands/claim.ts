/** `shapewise claim`, called by `npm run claim`: the fair experiment of docs/CLAIM.md. */
import { UserError } from '../../errors.js'
import { defineCommand } from '../command.js'
import { interruptSignal } from '../interrupt.js'
import { coresOf, coresOption, positiveNumber, quietOption } from '../options.js'

interface ClaimArgs {
  readonly quick: boolean
  readonly freeze: boolean
  readonly resume: boolean
  readonly budget?: string
  readonly traces?: string
  readonly out?: string
  readonly page?: string
  readonly threads?: string
  readonly quiet: boolean
}

/** Minutes of a week. */
const LONGEST = 10_080

export const claimCommand = defineCommand<ClaimArgs>({
  command: 'claim',
  describe: 'The fair experiment behind docs/CLAIM.md (npm run claim)',
  builder: (yargs) =>
    yargs
      .usage('$0 claim\n\nThe fair experiment behind docs/CLAIM.md: does partitioning by request shape make tokens 20 % faster?')
      .option('quick', { type: 'boolean', default: false, describe: 'A few tiny cells, for a first look: no evidence' })
      .option('budget', { type: 'string', requiresArg: true, describe: 'Minutes; cells that do not fit are left out and named' })
      .option('resume', { type: 'boolean', default: false, describe: 'Go on with the finished cells of --out' })
      .option('traces', { type: 'string', requiresArg: true, describe: 'Folder with your copies of the public traces' })
      .option('out', {
        type: 'string',
        requiresArg: true,
        describe: 'Folder of finished cells (default: runs/claim, runs/claim-quick)',
      })
      .option('page', {
        type: 'string',
        requiresArg: true,
        describe: 'The page (default: docs/CLAIM.md; quick: CLAIM.md in --out)',
      })
      .option('threads', coresOption)
      .option('freeze', { type: 'boolean', default: false, describe: 'Write data/claim/protocol.json, before the first result' })
      .option('quiet', quietOption),
  handler: async ({ quick, freeze, resume, quiet, ...args }) => {
    const { budget, traces, out } = args
    if (freeze && (quick || resume || quiet || [budget, traces, out, args.threads].some((value) => value !== undefined)))
      throw new UserError({
        where: '--freeze',
        message: 'runs nothing, so the other options have no effect',
        hint: 'give it alone, or with --page',
      })
    const budgetMin = args.budget === undefined ? null : positiveNumber('--budget', args.budget, LONGEST)
    const threads = coresOf(args.threads)
    const signal = interruptSignal()
    const { runClaim } = await import('../claim/run.js')
    await runClaim({
      quick,
      freeze,
      resume,
      quiet,
      budgetMin,
      threads,
      signal,
      traces: args.traces ?? null,
      out: args.out ?? (quick ? 'runs/claim-quick' : 'runs/claim'),
      page: args.page ?? null,
    })
  },
})

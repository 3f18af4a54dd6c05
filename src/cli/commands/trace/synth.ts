/** `shapewise trace synth`: traffic drawn from a recipe. */
import { defineCommand } from '../../command.js'
import { seedOption } from '../../options.js'

interface SynthArgs {
  readonly recipe: string
  readonly output: string
  readonly requests?: string
  readonly rate?: string
  readonly set?: readonly string[]
  readonly seed?: string
  readonly overwrite: boolean
}

export const synthCommand = defineCommand<SynthArgs>({
  command: 'synth <recipe> <output>',
  describe: 'Draw traffic from a recipe',
  builder: (yargs) =>
    yargs
      .positional('recipe', {
        type: 'string',
        demandOption: true,
        describe:
          'A preset (chat, code, rag, reasoning, agent, agent-steps, batch, mixed, equal) or a YAML file; data/recipes has those of the presets',
      })
      .positional('output', {
        type: 'string',
        demandOption: true,
        describe: 'The trace to write; its ending tells the format (.swt and .swt.gz keep everything)',
      })
      .option('requests', { type: 'string', requiresArg: true, describe: 'So many requests, instead of what the recipe says' })
      .option('rate', {
        type: 'string',
        requiresArg: true,
        describe: 'Requests (of sessions: sessions) per second, all streams together; the mix stays',
      })
      .option('set', {
        type: 'string',
        array: true,
        requiresArg: true,
        describe: 'Override a key of the recipe, as in block_tokens=512 (repeatable)',
      })
      .option('seed', seedOption)
      .option('overwrite', { type: 'boolean', default: false, describe: 'Replace the output file' })
      .example('$0 trace synth chat chat.swt.gz --rate 20 --seed 7', 'chat at 20 requests a second')
      .example(
        '$0 trace synth code code.swt.gz --set streams.code.arrivals="{law: gamma, cv: 3}"',
        'the lengths of code completion with other arrivals: a law with its parameters',
      )
      .example('$0 trace synth agent a.swt.gz --set streams.agent.rate_per_s=0.2', 'coding sessions that begin every 5 s')
      .example('$0 trace synth mine.yaml mine.swt.gz', 'a recipe of your own; begin with a copy from data/recipes'),
  handler: async (args) => {
    const { synthTrace } = await import('../../synthTrace.js')
    await synthTrace(args)
  },
})

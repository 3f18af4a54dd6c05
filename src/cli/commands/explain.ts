/** `shapewise explain`: what one step of one engine costs, operator by operator, and where each number comes from. */
import { defineCommand } from '../command.js'
import { armOption, formatOption, overrides, setOption } from '../options.js'

interface ExplainArgs {
  readonly scenario: string
  readonly batch: string
  readonly engine?: string
  readonly arm: string
  readonly set?: string[]
  readonly format: string
}

export const explainCommand = defineCommand<ExplainArgs>({
  command: 'explain <scenario>',
  describe: 'Price one step of one engine, operator by operator, with the evidence of each number',
  builder: (yargs) =>
    yargs
      .positional('scenario', { type: 'string', demandOption: true, describe: 'A scenario (.yaml)' })
      .option('batch', {
        type: 'string',
        demandOption: true,
        requiresArg: true,
        describe:
          'Batch of every rank, a list separated by commas: NxLENGTH (N decoding sequences of LENGTH KV tokens; several make a ragged batch), chunk=TOKENS@PREFIX (a prefill chunk)',
      })
      .option('engine', {
        type: 'string',
        requiresArg: true,
        describe: 'Name or role of the engine (default: the first that fits)',
      })
      .option('arm', armOption)
      .option('set', setOption)
      .option('format', formatOption)
      .example('$0 explain scenarios/demo.yaml --batch 64x8192', '64 sequences of 8192 tokens decode')
      .example('$0 explain scenarios/demo.yaml --batch 64x8192,chunk=2048@0', 'with a prefill chunk in the same step')
      .example(
        '$0 explain scenarios/demo.yaml --batch 60x1000,4x64000 --arm shape-aware',
        "a ragged batch: an arm's split against static's",
      ),
  handler: async ({ scenario, batch, engine, arm, set, format }) => {
    const { explainBatch } = await import('../explain/explainBatch.js')
    await explainBatch({ scenario, batch, engine, arm, sets: overrides(set, undefined), format })
  },
})

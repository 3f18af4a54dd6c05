/**
 * Mooncake JSON lines of which each turn of a session holds its new part only: the prompt is the prompt before, the answer to it, and input_length new
 * tokens. Nothing in a file tells this form from the usual one, so it is read when it is named.
 */
import { MAX_TOKENS } from '../fields.js'
import { blockIds, outputCount, tokenCount } from '../json/fields.js'
import { createUnusedKeys, jsonLinesReader } from '../json/lines.js'
import { RowFault } from '../json/rowFault.js'
import { createRebuiltBlocks } from '../rebuiltBlocks.js'
import type { Format, ReaderContext, TraceReader } from './format.js'
import { createTurns } from './mooncake.js'

const DEFAULT_BLOCK_TOKENS = 512
const KEYS = ['timestamp', 'input_length', 'output_length', 'session_id', 'created_time', 'delay', 'delay_ms']

export const mooncakeDelta: Format = {
  recognises: () => false,
  heeds: ['timeUnit', 'blockTokens'],
  createReader(context: ReaderContext): TraceReader {
    const { rows, options, outputTokens } = context
    const blockTokens = options.blockTokens ?? DEFAULT_BLOCK_TOKENS
    const unused = createUnusedKeys(KEYS)
    const turns = createTurns(context)
    const blocks = createRebuiltBlocks(blockTokens)
    /** Tokens of prompt and answer of the latest turn of each session. */
    const contexts = new Map<string, number>()
    return jsonLinesReader(context, {
      addRow(line, number) {
        const fresh = tokenCount(line, 'input_length', 1)
        const given = outputCount(line, 'output_length')
        blockIds(line, 'hash_ids', fresh)
        const turn = turns.read(line)
        if (turn.session === null) throw new RowFault('session_id is missing')
        const before = contexts.get(turn.session) ?? 0
        if (before + fresh > MAX_TOKENS) throw new RowFault(`the prompt is above ${MAX_TOKENS}`)
        const osl = outputTokens(given, number)
        contexts.set(turn.session, before + fresh + Math.max(0, osl))
        if (osl === 0) {
          turns.skip(turn)
          return
        }
        unused.look(line)
        turns.relate(rows.add(turn.timeNs, before + fresh, osl), turn)
        blocks.push(rows, turn.session, before + fresh, before)
      },
      end: turns.end,
      findings: () => ({
        note: 'Mooncake JSON lines of new parts, read from a file.',
        blockTokens,
        unitless: turns.times().unitless,
        notes: [
          ...turns.notes(),
          `A prompt is the prompt and the answer before it plus input_length new tokens; its prefix blocks of ${blockTokens} tokens are counted anew, shared within the session.`,
          ...unused.notes(),
        ],
      }),
    })
  },
}

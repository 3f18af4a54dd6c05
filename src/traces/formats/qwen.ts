/**
 * Qwen-Bailian traces (Alibaba): chat_id, parent_chat_id, timestamp (s), input_length, output_length, type, turn, hash_ids of 16-token blocks.
 * The hash of the last block of a prompt may differ from that of the same tokens in the next turn, because reasoning is stripped between turns.
 */
import { NS_PER_S } from '../../units.js'
import { blockIds, createJsonClock, label, outputCount, timeFindings, tokenCount } from '../json/fields.js'
import { createUnusedKeys, jsonLinesReader } from '../json/lines.js'
import { createNumbering } from '../requestRows.js'
import { unitOf } from '../units.js'
import type { Format, ReaderContext, TraceReader } from './format.js'

const BLOCK_TOKENS = 16
const KEYS = ['chat_id', 'parent_chat_id', 'timestamp', 'input_length', 'output_length', 'type', 'turn', 'hash_ids']

export const qwen: Format = {
  recognises: ({ keys }) => keys.has('chat_id') && keys.has('parent_chat_id'),
  heeds: ['timeUnit', 'blockTokens'],
  namesBlocks: true,
  createReader: qwenReader,
}

function qwenReader(context: ReaderContext): TraceReader {
  const { options, path, rows, outputTokens } = context
  const unitNs = options.columns?.timeUnit === undefined ? NS_PER_S : unitOf(options.columns.timeUnit, path)
  const clock = createJsonClock(unitNs)
  const ids = options.blockNumbers ?? createNumbering<number | string>()
  /** Row of each chat, or of what goes before it where it was skipped: -1 for nothing. */
  const rowOf = new Map<string, number>()
  const unused = createUnusedKeys(KEYS)
  let sessions = 0
  let orphans = 0
  return jsonLinesReader(context, {
    addRow(line, number) {
      const isl = tokenCount(line, 'input_length', 1)
      const given = outputCount(line, 'output_length')
      const blocks = blockIds(line, 'hash_ids', isl)
      const chat = label(line, 'chat_id')
      const before = label(line, 'parent_chat_id')
      const type = label(line, 'type')
      const timeNs = clock.ns(line.timestamp, 'timestamp')
      const isFirst = before === null || before === '-1'
      const parent = isFirst ? -1 : rowOf.get(before)
      const osl = outputTokens(given, number)
      if (osl === 0) {
        // the next turn continues the one before this
        if (chat !== null) rowOf.set(chat, parent ?? -1)
        return
      }
      unused.look(line)
      const row = rows.add(timeNs, isl, osl)
      for (const id of blocks) rows.pushBlock(ids.of(id))
      if (type !== null) rows.setClassName(row, type)
      if (parent === undefined) orphans++
      rows.session.set(row, parent === undefined || parent < 0 ? sessions++ : rows.session.get(parent))
      rows.parent.set(row, parent ?? -1)
      if (chat !== null) rowOf.set(chat, row)
    },
    findings: () => {
      const { notes, unitless } = timeFindings(clock, options.columns?.timeUnit, 'Time is in s, as the publisher says.')
      return {
        note: 'Qwen-Bailian trace (Apache-2.0), read from a file.',
        blockTokens: BLOCK_TOKENS,
        unitless,
        notes: [
          ...notes,
          'When an answer ended is not recorded: turns have their recorded times; waits between them are unknown and taken as 0 in a closed loop.',
          ...(orphans > 0
            ? [`${orphans} requests name a parent_chat_id that is not in the file before them: they begin a session.`]
            : []),
          ...unused.notes(),
        ],
      }
    },
  })
}

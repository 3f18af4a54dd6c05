/**
 * Mooncake JSON lines: timestamp (ms), input_length, output_length, hash_ids (prefix blocks; the n-th id names the whole prefix so far).
 */
import { blockIds, createJsonClock, outputCount, tokenCount } from '../json/fields.js'
import { createUnusedKeys, jsonLinesReader } from '../json/lines.js'
import { createNumbering } from '../requestRows.js'
import { unitOf } from '../units.js'
import type { Format, ReaderContext, TraceReader } from './format.js'

const KEYS = ['timestamp', 'input_length', 'output_length', 'hash_ids']

export const mooncake: Format = {
  recognises: ({ keys, isList }) => !isList && keys.has('input_length') && keys.has('output_length'),
  heeds: ['timeUnit', 'blockTokens'],
  createReader: mooncakeReader,
}

function mooncakeReader(context: ReaderContext): TraceReader {
  const { rows, options, outputTokens } = context
  const clock = createJsonClock(unitOf(options.columns?.timeUnit ?? 'ms', context.path))
  const ids = createNumbering<number | string>()
  const unused = createUnusedKeys(KEYS)
  return jsonLinesReader(context, {
    addRow(row, line) {
      const isl = tokenCount(row, 'input_length', 1)
      const given = outputCount(row, 'output_length')
      const blocks = blockIds(row, 'hash_ids', isl)
      const timeNs = clock.ns(row.timestamp, 'timestamp')
      const osl = outputTokens(given, line)
      if (osl === 0) return
      unused.look(row)
      rows.add(timeNs, isl, osl)
      for (const id of blocks) rows.pushBlock(ids.of(id))
    },
    findings: () => ({ note: 'Mooncake JSON lines, read from a file.', notes: unused.notes() }),
  })
}

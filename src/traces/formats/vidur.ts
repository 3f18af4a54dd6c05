/** Vidur's CSV: arrived_at (s), num_prefill_tokens, num_decode_tokens. */
import { csvReader } from './csv.js'
import type { Format } from './format.js'

const COLUMNS = { time: 'arrived_at', input: 'num_prefill_tokens', output: 'num_decode_tokens', timeUnit: 's' }

export const vidur: Format = {
  recognises: ({ columns }) => ['arrivedat', 'numprefilltokens', 'numdecodetokens'].every((name) => columns.includes(name)),
  heeds: [],
  createReader: (context) =>
    csvReader(context, { mustBeAzure: false, hasTime: true, columns: COLUMNS, note: 'Vidur trace, read from a CSV file.' }),
}

/**
 * BLIS TraceV2: a CSV with times in microseconds, in one file behind its YAML header or alone. Tenants by tenant_id, classes by slo_class, sessions by
 * session_id in the order of their rounds, with think_time_us as the wait; recorded times of the server are not used.
 */
import { csvReader } from './csv.js'
import type { Format } from './format.js'

const COLUMNS = {
  time: 'arrival_time_us',
  input: 'input_tokens',
  output: 'output_tokens',
  session: 'session_id',
  tenant: 'tenant_id',
  class: 'slo_class',
  wait: 'think_time_us',
}
const HEADER = /^request_id,.*\barrival_time_us\b/m

export const blis: Format = {
  recognises: ({ text }) => HEADER.test(text),
  heeds: [],
  createReader: (context) =>
    csvReader(context, {
      mustBeAzure: false,
      hasTime: true,
      columns: COLUMNS,
      begins: HEADER,
      note: 'BLIS TraceV2, read from a file.',
      unused: { prefix_group: 'prefix_group and prefix_length are not used: prompts share no prefix blocks.' },
    }),
}

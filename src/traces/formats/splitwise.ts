/**
 * Splitwise-sim's CSV: request_id, request_type, application_id, arrival_timestamp (s), batch_size, prompt_size, token_size. The application is
 * the tenant, the type the class.
 */
import { csvReader } from './csv.js'
import type { Format } from './format.js'

const COLUMNS = {
  time: 'arrival_timestamp',
  input: 'prompt_size',
  output: 'token_size',
  tenant: 'application_id',
  class: 'request_type',
  timeUnit: 's',
}

export const splitwise: Format = {
  recognises: ({ columns }) => ['arrivaltimestamp', 'promptsize', 'tokensize'].every((name) => columns.includes(name)),
  heeds: [],
  createReader: (context) =>
    csvReader(context, { mustBeAzure: false, hasTime: true, columns: COLUMNS, note: 'Splitwise trace, read from a CSV file.' }),
}

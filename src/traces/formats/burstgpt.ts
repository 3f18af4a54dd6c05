/**
 * BurstGPT's CSV: Timestamp (s from day 0), in newer files Session ID and Elapsed time, Model, Request tokens, Response tokens, Total tokens, Log
 * Type. A request without response tokens failed. The model is the tenant, because each is a service of its own; the log type is the class.
 */
import { csvReader } from './csv.js'
import type { Format } from './format.js'

const COLUMNS = {
  time: 'Timestamp',
  input: 'Request tokens',
  output: 'Response tokens',
  session: 'Session ID',
  tenant: 'Model',
  class: 'Log Type',
  timeUnit: 's',
}

export const burstgpt: Format = {
  recognises: ({ columns }) =>
    ['timestamp', 'requesttokens', 'responsetokens', 'logtype'].every((name) => columns.includes(name)),
  heeds: [],
  createReader: (context) =>
    csvReader(context, {
      mustBeAzure: false,
      hasTime: true,
      columns: COLUMNS,
      note: 'BurstGPT trace (CC-BY-4.0), read from a file.',
    }),
}

/** Tables of input and output lengths without any time: request shapes for a closed loop. */
import { UserError } from '../../errors.js'
import { csvReader } from './csv.js'
import type { Format } from './format.js'

const INPUT = ['numprefilltokens', 'inputtokens', 'prompttokens', 'inputlen', 'promptlen', 'isl']
const OUTPUT = ['numdecodetokens', 'outputtokens', 'completiontokens', 'outputlen', 'decodelen', 'osl']
const TIME = /time|stamp|arriv|^t(s|ms|us|ns)?$|date|start|created|(received|requested|sent|submitted)at/

export const lengths: Format = {
  recognises: ({ columns }) =>
    columns.some((column) => INPUT.includes(column)) &&
    columns.some((column) => OUTPUT.includes(column)) &&
    !columns.some((column) => TIME.test(column)),
  heeds: ['columns'],
  createReader(context) {
    if (context.options.columns?.time !== undefined) {
      throw new UserError({
        where: context.path,
        message: 'a column of times was named, but the format lengths has none',
        hint: 'leave the time out, or read the file as csv',
      })
    }
    return csvReader(context, { mustBeAzure: false, hasTime: false, note: 'Lengths without times, read from a CSV file.' })
  },
}

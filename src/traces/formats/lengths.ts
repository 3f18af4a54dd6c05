/** Tables of input and output lengths without any time: request shapes for a closed loop. */
import { csvReader } from './csv.js'
import type { Format } from './format.js'

const INPUT = ['numprefilltokens', 'inputtokens', 'prompttokens', 'inputlen', 'promptlen', 'isl']
const OUTPUT = ['numdecodetokens', 'outputtokens', 'completiontokens', 'outputlen', 'decodelen', 'osl']
const TIME = /time|stamp|arriv|^t(s|ms|us|ns)?$|date|start/

export const lengths: Format = {
  recognises: ({ columns }) =>
    columns.some((column) => INPUT.includes(column)) &&
    columns.some((column) => OUTPUT.includes(column)) &&
    !columns.some((column) => TIME.test(column)),
  heeds: ['columns'],
  createReader: (context) =>
    csvReader(context, { mustBeAzure: false, hasTime: false, note: 'Lengths without times, read from a CSV file.' }),
}

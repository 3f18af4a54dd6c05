/** Azure's LLM inference traces (2023, 2024, multimodal 2025): a CSV of three known columns, dates with seven decimals. */
import { csvReader } from './csv.js'
import type { Format } from './format.js'

const COLUMNS = ['timestamp', 'contexttokens', 'generatedtokens']

export const azure: Format = {
  recognises: ({ columns }) => COLUMNS.every((column) => columns.includes(column)),
  heeds: [],
  createReader: (context) =>
    csvReader(context, {
      mustBeAzure: true,
      hasTime: true,
      note: 'Azure LLM inference trace (CC-BY), read from a file.',
      unused: { num_images: 'NumImages is not used: the tokens of images are counted in ContextTokens.' },
    }),
}

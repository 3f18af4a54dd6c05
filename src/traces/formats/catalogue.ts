/** Formats that are read, by the name that `--from` takes. Apart from the readers, so that the command line can list them without loading any. */
export const FORMAT_TITLES = {
  shapewise: "Shapewise's own trace (.swt), every column",
  azure: 'Azure LLM inference trace, CSV (TIMESTAMP, ContextTokens, GeneratedTokens)',
  mooncake: 'Mooncake JSON lines (timestamp, input_length, output_length, hash_ids)',
  csv: 'any CSV with a time, input tokens and output tokens',
} as const

export type FormatName = keyof typeof FORMAT_TITLES

export const FORMAT_NAMES = Object.keys(FORMAT_TITLES) as FormatName[]

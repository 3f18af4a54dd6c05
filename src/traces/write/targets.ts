/** Formats that are written, by the name that `--to` takes. Apart from the writers, so that the command line can list them without loading any. */
export const TARGET_ENDINGS = { shapewise: '.swt', mooncake: '.jsonl', parquet: '.parquet', csv: '.csv' } as const

export type TargetName = keyof typeof TARGET_ENDINGS

export const TARGET_NAMES = Object.keys(TARGET_ENDINGS) as TargetName[]

/** The format told by the ending of a name, .gz aside; null when none is. */
export function targetOf(path: string): TargetName | null {
  const plain = path.replace(/\.gz$/, '')
  return TARGET_NAMES.find((name) => plain.endsWith(TARGET_ENDINGS[name])) ?? null
}

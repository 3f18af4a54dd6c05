/** Plain data as YAML in block style. A run straight on a trace writes its scenario with this alone: the library takes longer to load than a plan to make. */

export type YamlValue = string | number | boolean | null | readonly YamlValue[] | YamlKeys
export type YamlKeys = { readonly [key: string]: YamlValue | undefined }

/** Words that are strings to every reader of YAML 1.2 (and, but for y and n, of 1.1); all other texts are quoted, as in JSON, which YAML contains. */
const PLAIN = /^[A-Za-z][\w./()-]*$/
const NOT_A_STRING = /^(true|false|yes|no|on|off|null)$/i

/** Keys without a value are left out. Ends with a new line. */
export const yamlText = (data: YamlKeys): string => `${linesOf(data).join('\n')}\n`

function linesOf(value: YamlValue): string[] {
  if (Array.isArray(value)) return value.flatMap((item: YamlValue) => hung('-', item, true))
  return Object.entries(value as object).flatMap(([key, item]: [string, YamlValue | undefined]) =>
    item === undefined ? [] : hung(`${scalar(key)}:`, item, false),
  )
}

/** `item` behind `head`, or below it; the first line of what hangs on a dash stands beside it. */
function hung(head: string, item: YamlValue, beside: boolean): string[] {
  if (item === null || typeof item !== 'object') return [`${head} ${scalar(item)}`]
  const lines = linesOf(item).map((line) => `  ${line}`)
  if (lines.length === 0) return [`${head} ${Array.isArray(item) ? '[]' : '{}'}`]
  return beside ? [`${head} ${lines[0].trimStart()}`, ...lines.slice(1)] : [head, ...lines]
}

function scalar(value: string | number | boolean | null): string {
  return typeof value === 'string' && PLAIN.test(value) && !NOT_A_STRING.test(value) ? value : JSON.stringify(value)
}

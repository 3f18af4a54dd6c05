/** The registry of formats, in the order in which they are asked: the first one that recognises a file reads it. */
import type { Head } from '../head.js'
import { azure } from './azure.js'
import { FORMAT_NAMES, type FormatName } from './catalogue.js'
import { csv } from './csv.js'
import type { Format } from './format.js'
import { mooncake } from './mooncake.js'
import { shapewise } from './shapewise.js'

export const FORMATS: Readonly<Record<FormatName, Format>> = { shapewise, azure, mooncake, csv }

/** The format of a file that begins so; null when none claims it. */
export function recognise(head: Head): FormatName | null {
  return FORMAT_NAMES.find((name) => FORMATS[name].recognises(head)) ?? null
}

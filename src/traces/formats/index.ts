/** The registry of formats, in the order in which they are asked: the first one that recognises a file reads it. */
import type { Head } from '../head.js'
import { aiperf } from './aiperf.js'
import { azure } from './azure.js'
import { bench } from './bench.js'
import { blis } from './blis.js'
import { burstgpt } from './burstgpt.js'
import { FORMAT_NAMES, type FormatName } from './catalogue.js'
import { csv } from './csv.js'
import { dynamo } from './dynamo.js'
import type { Format } from './format.js'
import { lengths } from './lengths.js'
import { llmservingsim } from './llmservingsim.js'
import { mooncake } from './mooncake.js'
import { mooncakeDelta } from './mooncakeDelta.js'
import { otel } from './otel.js'
import { parquet } from './parquet.js'
import { qwen } from './qwen.js'
import { shapewise } from './shapewise.js'
import { splitwise } from './splitwise.js'
import { tracelab } from './tracelab.js'
import { tracelabReplay } from './tracelabReplay.js'
import { vidur } from './vidur.js'
import { weka } from './weka.js'

export const FORMATS: Readonly<Record<FormatName, Format>> = {
  shapewise,
  azure,
  dynamo,
  qwen,
  tracelab,
  llmservingsim,
  aiperf,
  bench,
  otel,
  mooncake,
  'mooncake-delta': mooncakeDelta,
  'tracelab-replay': tracelabReplay,
  weka,
  vidur,
  splitwise,
  burstgpt,
  blis,
  lengths,
  parquet,
  csv,
}

/** The format of a file that begins so; null when none claims it. */
export function recognise(head: Head): FormatName | null {
  return FORMAT_NAMES.find((name) => FORMATS[name].recognises(head)) ?? null
}

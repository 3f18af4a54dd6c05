/** The work of `support`. */
import { SYSTEM_NAMES } from '../../hardware/load.js'
import { MODEL_NAMES } from '../../models/load.js'
import { columns } from '../../reports/columns.js'
import { type SupportRow, supportRows } from '../../scenario/index.js'
import { EVIDENCE_KINDS } from '../../timing/index.js'
import { printJson, printResult } from '../output.js'

export interface SupportRequest {
  readonly system?: string
  readonly model?: string
  readonly format: string
}

export function printSupport({ system, model, format }: SupportRequest): void {
  const rows = supportRows({
    systems: system === undefined ? SYSTEM_NAMES : [system],
    models: model === undefined ? MODEL_NAMES : [model],
  })
  if (format === 'json') {
    printJson({ rows: rows.map(({ kvTokens, ...row }) => ({ ...row, kv_tokens: kvTokens })) })
    return
  }
  const listed = rows.filter(({ refused }) => refused === null)
  const head = ['system', 'model', 'precision', 'layout', 'GPUs', 'KV tokens', 'evidence', 'decode', 'prefill']
  const table = listed.map((row) => [
    row.system,
    row.model,
    row.precision,
    row.layout,
    String(row.gpus),
    String(row.kvTokens),
    String(row.evidence),
    shares(row.decode),
    shares(row.prefill),
  ])
  printResult(columns([head, ...table], [4, 5]))
  printResult(
    [
      '',
      'decode, prefill: share of a step in % on measured / interpolated / transferred / roofline times;',
      '  a step of 64 sequences of 4096 tokens a rank, and of a prompt of 8192 tokens',
      'evidence: the weakest kind that carries a tenth or more of either',
      'KV tokens: what a rank holds in fp8 beside weights and steps of 8192 tokens',
    ].join('\n'),
  )
  if (listed.length < rows.length)
    printResult(`${rows.length - listed.length} more do not fit or cannot be priced; --format json says why`)
}

const shares = (row: SupportRow['decode']): string =>
  row === null ? '' : EVIDENCE_KINDS.map((kind) => (100 * row[kind]).toFixed(0)).join(' / ')

/** Made-up measured rows and settings as CSV text. */
export const ROW_COLUMNS = [
  ...['id', 'system', 'model', 'precision', 'backend', 'mode', 'isl', 'osl', 'concurrency'],
  ...['prefill', 'decode'].flatMap((role) =>
    ['workers', 'gpus_per_worker', 'attention_tp', 'attention_dp', 'moe_ep'].map((c) => `${role}_${c}`),
  ),
  ...['agg_gpus', 'agg_tp', 'agg_attention_dp', 'agg_pp', 'agg_moe_ep'],
  ...['spec_decode', 'spec_nextn', 'measured_date', 'tier', 'quality', 'ttft_ms', 'tpot_ms'],
]

export const SETTINGS_COLUMNS = [
  ...['id', 'mtp_n', 'decode_max_batch_per_rank', 'decode_max_num_tokens', 'decode_kv_fraction', 'decode_max_total_tokens'],
  ...['decode_attention_dp', 'decode_attention_tp', 'decode_ep', 'decode_moe_backend', 'prefill_max_batch_per_rank'],
  ...[
    'prefill_max_num_tokens_per_rank',
    'prefill_max_total_tokens',
    'prefill_attention_dp',
    'prefill_attention_tp',
    'prefill_ep',
  ],
  ...['prefill_moe_backend', 'kv_dtype', 'req_rate'],
]

/** One engine of 4 GPUs, 16 requests in flight. */
const ROW: Readonly<Record<string, string>> = {
  id: 'r1',
  system: 'gb200',
  model: 'DeepSeek-R1-0528',
  precision: 'fp4',
  backend: 'trtllm',
  mode: 'agg',
  isl: '1024',
  osl: '1024',
  concurrency: '16',
  agg_gpus: '4',
  agg_tp: '4',
  agg_attention_dp: '1',
  agg_pp: '1',
  agg_moe_ep: '4',
  spec_nextn: '0',
  measured_date: '2026-02-01',
  tier: 'A',
  quality: 'ok',
}

const csv = (columns: readonly string[], rows: readonly Readonly<Record<string, string>>[]): string =>
  [columns, ...rows.map((row) => columns.map((column) => row[column] ?? ''))].map((fields) => fields.join(',')).join('\n')

export const rowCsv = (rows: readonly Readonly<Record<string, string>>[]): string =>
  csv(
    ROW_COLUMNS,
    rows.map((row) => ({ ...ROW, ...row })),
  )

export const settingsCsv = (rows: readonly Readonly<Record<string, string>>[]): string => csv(SETTINGS_COLUMNS, rows)

/** Formats that are read, by the name that `--from` takes. Apart from the readers, so that the command line can list them without loading any. */
export const FORMAT_TITLES = {
  shapewise: "Shapewise's own trace (.swt), every column",
  azure: 'Azure LLM inference trace, CSV (TIMESTAMP, ContextTokens, GeneratedTokens)',
  dynamo: 'Dynamo request trace (dynamo.request.trace.v1), sessions and tool events included',
  qwen: 'Qwen-Bailian JSON lines (chat_id, parent_chat_id, ..., 16-token hash_ids)',
  tracelab: 'TraceLab rounds, JSON lines (input_tokens_total, prefix_tokens, ...)',
  llmservingsim: 'LLMServingSim JSON lines (input_toks, output_toks, arrival_time_ns), agentic sessions too',
  aiperf: 'Requests measured by AIPerf (profile_export.jsonl)',
  bench: 'Detailed result of vllm bench serve or SGLang bench_serving',
  otel: 'OpenTelemetry GenAI spans, OTLP JSON or a span an object (inference-perf)',
  mooncake: 'Mooncake JSON lines (timestamp, input_length, output_length, hash_ids), sessions of Dynamo and AIPerf too',
  'mooncake-delta': 'Mooncake JSON lines whose turns hold their new part only; never recognised, to be named',
  'tracelab-replay': 'TraceLab replay CSV (session_id, arrival_time, round_idx, prefix_len, input_len, output_len)',
  weka: 'sessions of coding agents (WEKA, AgentX; one JSON document a session), sub-agents included',
  vidur: 'Vidur CSV (arrived_at, num_prefill_tokens, num_decode_tokens)',
  splitwise: 'Splitwise-sim CSV (arrival_timestamp, prompt_size, token_size, application_id, request_type)',
  burstgpt: 'BurstGPT CSV (Timestamp, Request tokens, Response tokens, Log Type), with sessions where it has them',
  blis: 'BLIS TraceV2 (request_id, ..., arrival_time_us, ...), with its YAML header or without',
  lengths: 'CSV of input and output lengths without times',
  parquet: 'Parquet: a trace of our own, or any table with a time, input tokens and output tokens',
  csv: 'any CSV with a time, input tokens and output tokens; --columns names them and others',
} as const

export type FormatName = keyof typeof FORMAT_TITLES

export const FORMAT_NAMES = Object.keys(FORMAT_TITLES) as FormatName[]

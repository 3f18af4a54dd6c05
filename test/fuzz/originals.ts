/** A small sound file of every format that is read: what fuzzing damages. The type makes a new format without one a compile error. */
import { gzipSync } from 'node:zlib'
import { type ColumnSource, parquetWriteBuffer } from 'hyparquet-writer'
import { withPackedRuns } from '../../src/traces/blocks.js'
import type { FormatName } from '../../src/traces/formats/catalogue.js'
import type { ReadOptions, Workload } from '../../src/traces/index.js'
import { encodeTrace } from '../../src/traces/shapewiseFormat.js'
import { parquetPieces } from '../../src/traces/write/parquet.js'

export interface Original {
  readonly bytes: Buffer
  /** Requests in it. */
  readonly rows: number
  /** The lengths of a request stand as they are, together on one line. */
  readonly literal: boolean
  readonly options?: Partial<ReadOptions>
}

const COUNT = 40
const numbers = Array.from({ length: COUNT }, (_, i) => i)
const isl = (i: number): number => 100 + ((i * 7919) % 4000)
const osl = (i: number): number => 1 + ((i * 104_729) % 800)
const clock = (i: number): string => `2023-11-16 23:59:${String(i).padStart(2, '0')}.${String(6805900 + 31 * i).padStart(7, '0')}`
const iso = (ms: number): string => new Date(1_780_000_000_000 + ms).toISOString()
const ids = (tokens: number, size: number, own: number): string =>
  Array.from({ length: Math.ceil(tokens / size) }, (_, b) => (b < 2 ? `${b}` : `90071992547409${own + 10}${b}`)).join(', ')

const file = (text: string, rows: number, literal = true, options: Partial<ReadOptions> = {}): Original => ({
  bytes: Buffer.from(text),
  rows,
  literal,
  options,
})
const lines = (row: (i: number) => string, head = ''): string => head + numbers.map((i) => `${row(i)}\n`).join('')

/** Chains of five requests, of which the last waits for the first too. */
export const OWN: Workload = {
  count: COUNT,
  arrivalNs: Float64Array.from(numbers, (i) => (i % 5 === 4 ? Number.NaN : i * 1e8 + i)),
  isl: Int32Array.from(numbers, isl),
  osl: Int32Array.from(numbers, osl),
  classId: Uint16Array.from(numbers, (i) => i % 3),
  tenant: Int32Array.from(numbers, (i) => i - 20),
  parent: Int32Array.from(numbers, (i) => (i % 5 === 4 ? i - 1 : -1)),
  session: Int32Array.from(numbers, (i) => Math.floor(i / 5)),
  waitNs: Float64Array.from(numbers, (i) => (i % 5 === 4 ? i * 15 : 0)),
  joins: Int32Array.from(numbers, (i) => (i % 5 === 0 && i + 4 < COUNT ? i + 4 : -1)),
  joinCount: Int32Array.from(numbers, (i) => (i % 5 === 4 ? 2 : 0)),
  runOffset: Float64Array.from(numbers, (i) => i % 30),
  runCount: Int32Array.from(numbers, () => 1),
  runFirst: Int32Array.from({ length: 30 }, (_, i) => i),
  runLength: Int32Array.from({ length: 30 }, () => 2),
  names: { tenant: null, class: ['chat', 'code', 'agent'] },
  blockTokens: 64,
  provenance: { name: 'fuzz', format: 'generated', note: 'For tests.', rowsRead: COUNT, rowsSkipped: 0 },
}

const wekaRequest = (i: number): string =>
  `{"t": ${i * 10}.5, "type": "n", "in": ${isl(i)}, "out": ${osl(i)}, "api_time": 2.5, "think_time": ${i % 7}.25, "hash_ids": [${numbers.slice(0, 1 + (i % 9)).join(',')}]}`
const wekaSubAgent = (i: number): string =>
  `{"t": ${i * 10 + 3}, "type": "subagent", "duration_ms": 2500, "tool_tokens": 64, "requests": [${wekaRequest(i)}, ${wekaRequest(i + 1)}]}`
const wekaSession = (at: number): string =>
  `{"id": "trace_${at}", "block_size": 64, "hash_id_scope": "local", "tool_tokens": 100, "system_tokens": 50, "requests": [${[0, 1, 2, 3].map((k) => wekaRequest(at + k)).join(', ')}, ${wekaSubAgent(at + 4)}, ${wekaRequest(at + 6)}], "totals": {"x": [1]}}`

const dynamoEvent = (i: number, fields: string): string =>
  `{"timestamp": ${i}, "event": {"schema": "dynamo.request.trace.v1", "event_time_unix_ms": ${1_779_000_000_000 + i * 900}, "agent_context": {"session_id": "s${i % 4}"${i % 4 === 3 ? ', "parent_session_id": "s0"' : ''}}, ${fields}}}`

const TEXTS: Readonly<Record<Exclude<FormatName, 'shapewise' | 'parquet'>, Original>> = {
  azure: file(
    lines((i) => `${clock(i)},${isl(i)},${osl(i)}`, 'TIMESTAMP,ContextTokens,GeneratedTokens\n'),
    COUNT,
  ),
  csv: file(
    lines((i) => `"a, b",${i * 37}.25,${isl(i)},${osl(i)}`, 'model,arrival_ms,input_tokens,output_tokens\n'),
    COUNT,
  ),
  lengths: file(
    lines((i) => `${isl(i)},${osl(i)}`, 'num_prefill_tokens,num_decode_tokens\n'),
    COUNT,
  ),
  mooncake: file(
    lines((i) => {
      const turn = i % 3 === 0 ? `"timestamp": ${i * 211}` : `"delay": ${i * 10}`
      return `{${turn}, "session_id": "u${Math.floor(i / 3)}", "input_length": ${isl(i)}, "output_length": ${osl(i)}, "hash_ids": [${ids(isl(i), 512, i)}]}`
    }),
    COUNT,
  ),
  'mooncake-delta': file(
    lines((i) => `{"timestamp": ${i * 211}, "session_id": ${i % 6}, "input_length": ${isl(i)}, "output_length": ${osl(i)}}`),
    COUNT,
    false,
    { from: 'mooncake-delta' },
  ),
  dynamo: file(
    lines((i) =>
      dynamoEvent(
        i,
        i % 5 === 4
          ? `"event_type": "tool_end", "tool": {"duration_ms": ${i}.5}`
          : `"event_type": "request_end", "request": {"input_tokens": ${isl(i)}, "output_tokens": ${osl(i)}, "request_received_ms": ${1_779_000_000_000 + i * 800}, "total_time_ms": 90.5, "replay": {"trace_block_size": 16, "input_sequence_hashes": [${ids(Math.min(isl(i), 100), 16, i)}]}}`,
      ),
    ),
    COUNT - COUNT / 5,
  ),
  qwen: file(
    lines(
      (i) =>
        `{"chat_id": ${i + 100}, "parent_chat_id": ${i % 4 === 0 ? -1 : i + 99}, "timestamp": ${i}.25, "input_length": ${isl(i)}, "output_length": ${osl(i)}, "type": "text", "turn": ${1 + (i % 4)}, "hash_ids": [${ids(Math.min(isl(i), 100), 16, i)}]}`,
    ),
    COUNT,
  ),
  tracelab: file(
    lines(
      (i) =>
        `{"project": "p", "session_id": "s${i % 5}", "round_index": ${Math.floor(i / 5)}, "input_tokens_total": ${isl(i)}, "prefix_tokens": ${Math.floor(isl(i) / 2)}, "newly_append_tokens": 1, "output_tokens": ${osl(i)}, "timing_events": [{"event_type": "user_message", "timestamp": "${iso(i * 5000)}"}, {"event_type": "text", "timestamp": "${iso(i * 5000 + 900)}"}]}`,
    ),
    COUNT,
  ),
  'tracelab-replay': file(
    lines(
      (i) => `${i % 5},${100 + (i % 5)},${Math.floor(i / 5)},${i < 5 ? 0 : isl(i - 5)},${isl(i)},${osl(i)},${i * 3}`,
      'session_id,arrival_time,round_idx,prefix_len,input_len,output_len,tool_wait_after_ms\n',
    ),
    COUNT,
    false,
  ),
  llmservingsim: file(
    lines((i) =>
      i % 2 === 0
        ? `{"input_toks": ${isl(i)}, "output_toks": ${osl(i)}, "arrival_time_ns": ${1_780_000_000_000_000_000n + BigInt(i) * 12_345_678n}}`
        : `{"session_id": "a${i}", "arrival_time_ns": ${1_780_000_000_000_000_000n + BigInt(i) * 12_345_678n}, "sub_requests": [{"input_toks": ${isl(i)}, "output_toks": ${osl(i)}, "tool_duration_ns": 5000}, {"input_toks": ${isl(i)}, "output_toks": ${osl(i)}}]}`,
    ),
    COUNT * 1.5,
  ),
  aiperf: file(
    lines(
      (i) =>
        `{"metadata": {"conversation_id": "c${i % 6}", "turn_index": ${Math.floor(i / 6)}, "request_start_ns": ${1_780_000_000_000_000_000n + BigInt(i) * 100_000_001n}, "request_end_ns": ${1_780_000_000_050_000_000n + BigInt(i) * 100_000_001n}}, "metrics": {"input_sequence_length": {"value": ${isl(i)}, "unit": "tokens"}, "output_sequence_length": {"value": ${osl(i)}, "unit": "tokens"}}, "error": null}`,
    ),
    COUNT,
  ),
  bench: file(
    `{"backend": "vllm", "completed": ${COUNT}, "input_lens": [${numbers.map(isl).join(', ')}], "output_lens": [${numbers.map(osl).join(', ')}], "start_times": [${numbers.map((i) => `${1_780_000_000 + i}.125`).join(', ')}], "errors": [${numbers.map(() => '""').join(', ')}]}\n`,
    COUNT,
    // a line break between the two lists leaves the file sound
    false,
  ),
  otel: file(
    lines(
      (i) =>
        `{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "t${i % 7}", "spanId": "${i}", "startTimeUnixNano": "${1_780_000_000_000_000_000n + BigInt(i) * 100_000_001n}", "endTimeUnixNano": "${1_780_000_000_050_000_000n + BigInt(i) * 100_000_001n}", "attributes": [{"key": "gen_ai.usage.input_tokens", "value": {"intValue": "${isl(i)}"}}, {"key": "gen_ai.usage.output_tokens", "value": {"intValue": "${osl(i)}"}}]}]}]}]}`,
    ),
    COUNT,
  ),
  vidur: file(
    lines((i) => `${i}.25,${isl(i)},${osl(i)}`, 'arrived_at,num_prefill_tokens,num_decode_tokens\n'),
    COUNT,
  ),
  splitwise: file(
    lines(
      (i) => `${i},0,${i % 3},${i}.25,1,${isl(i)},${osl(i)}`,
      'request_id,request_type,application_id,arrival_timestamp,batch_size,prompt_size,token_size\n',
    ),
    COUNT,
  ),
  blis: file(
    lines(
      (i) => `r${i},t${i % 3},standard,s${i % 5},${Math.floor(i / 5)},,0,${isl(i)},${osl(i)},${i * 250_000},${i * 10}`,
      'trace_version: 2\ntime_unit: us\nrequest_id,tenant_id,slo_class,session_id,round_index,prefix_group,prefix_length,input_tokens,output_tokens,arrival_time_us,think_time_us\n',
    ),
    COUNT,
  ),
  burstgpt: file(
    lines(
      (i) => `${i},${i % 4},${i}.5,ChatGPT,${isl(i)},${osl(i)},${isl(i) + osl(i)},Conversation log`,
      'Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\n',
    ),
    COUNT,
  ),
  weka: file([0, 7, 14, 21].map((at) => `${wekaSession(at)}\n`).join(''), 28),
}

const own = Buffer.from(encodeTrace(OWN))

/** By format; our own is damaged in ways of its own, see the tests. */
export const ORIGINALS: Readonly<Record<FormatName, Original>> = {
  ...TEXTS,
  shapewise: { bytes: own, rows: COUNT, literal: false },
  parquet: { bytes: Buffer.concat([...parquetPieces(withPackedRuns(OWN))] as Uint8Array[]), rows: COUNT, literal: false },
}

/** A table of others, not of ours: plain pages, and pages packed by snappy; some outputs are missing. */
export const PARQUET_TABLES: Readonly<Record<'plain' | 'snappy', Buffer>> = (() => {
  const columnData: ColumnSource[] = [
    { name: 'arrival_s', data: numbers.map((i) => i / 2), type: 'DOUBLE', nullable: false },
    { name: 'isl', data: numbers.map(isl), type: 'INT32' },
    { name: 'osl', data: numbers.map((i) => (i % 13 === 7 ? null : osl(i))), type: 'INT32', nullable: true },
    { name: 'tenant', data: numbers.map((i) => 'abc'[i % 3]), type: 'STRING' },
  ]
  const write = (codec: 'UNCOMPRESSED' | 'SNAPPY') => Buffer.from(parquetWriteBuffer({ columnData, codec }))
  return { plain: write('UNCOMPRESSED'), snappy: write('SNAPPY') }
})()
/** Rows of them that can be read. */
export const PARQUET_TABLE_ROWS = 37

/** Other files that the same readers take. */
export const VARIANTS: Readonly<Record<string, Original>> = {
  'csv without a header': file(
    lines((i) => `${i * 3}.${i},${isl(i)},${osl(i)}`),
    COUNT,
  ),
  'mooncake requests that wait for others': file(
    lines((i) => {
      const sent =
        i % 4 === 0
          ? `"timestamp": ${i * 50}`
          : `"wait_for": ["r${i - 1}"${i % 4 === 3 ? `, "r${i - 3}"` : ''}], "tool_wait_ms": ${i}.5`
      return `{"request_id": "r${i}", ${sent}, "input_length": ${isl(i)}, "output_length": ${osl(i)}}`
    }),
    COUNT,
  ),
  'weka in many lines, with runs': file(
    JSON.stringify(JSON.parse(wekaSession(3).replaceAll(/"hash_ids": \[[^\]]*\]/g, '"hash_runs": [1, 1]')), null, 2),
    7,
    false,
  ),
  'otel spans one by one': file(
    lines(
      (i) =>
        `{"name": "chat", "context": {"trace_id": "t${i % 3}", "span_id": "${i}"}, "start_time": "${iso(i * 100)}", "end_time": "${iso(i * 100 + 40)}", "attributes": {"gen_ai.usage.input_tokens": ${isl(i)}, "gen_ai.usage.output_tokens": ${osl(i)}}}`,
    ),
    COUNT,
  ),
  'gzip of a csv': { ...TEXTS.csv, bytes: gzipSync(TEXTS.csv.bytes) },
}

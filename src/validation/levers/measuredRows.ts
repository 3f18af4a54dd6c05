/** Measured launches of a split-KV decode kernel, as scripts/measure-split writes them: one timed launch of a batch under a rule a row. */
import { UserError } from '../../errors.js'
import { SPLIT_PER_REQUEST, type SplitMachine, type SplitPolicy } from '../../levers/index.js'
import { NS_PER_US } from '../../units.js'
import { type CsvRecord, type CsvTable, demandColumns, numberIn, readCsv, wholeIn } from '../csvTable.js'
import { machineOf } from './kernelCells.js'
import { type Launch, launchOf, splitPolicy } from './launches.js'

export const MEASURED_COLUMNS = [
  ...['gpu', 'date', 'kernel', 'slots', 'query_heads', 'kv_heads', 'head_dim', 'rope_dim', 'kv', 'tile_tokens'],
  ...['batch', 'family', 'lengths', 'rule', 'order', 'time_us', 'max_error'],
] as const
/** Optional: pieces of each request where the rule is a policy that planned with constants of its own; blank where the rule says it all. */
const PIECES_COLUMN = 'pieces'

export interface MeasuredRow {
  /** GPU, kernel and shape: launches that share constants. */
  readonly group: string
  /** Name of the batch in its group: its rows differ by rule and order alone. */
  readonly batch: string
  /** Family of its lengths: equal, ragged, adversarial. */
  readonly family: string
  /** Rule and order, as measured; the rule alone where a planner decided the order. */
  readonly rule: string
  readonly policy: SplitPolicy
  readonly longestFirst: boolean
  readonly launch: Launch
  /** The kernel as scripts/measure-split names it. */
  readonly kernel: { readonly kernel: string; readonly kv: string; readonly query_heads: number; readonly kv_heads: number }
  /** Shape of the kernel, with the shipped constants of its family. */
  readonly machine: SplitMachine
  readonly measuredNs: number
}

/** Outputs further than this from float64 (in units of the largest output) are of a broken kernel. */
const MOST_ERROR = 0.05
const MOST_SEQUENCES = 4096
const MOST_TOKENS = 2 ** 24

export function readMeasuredRows(path: string): MeasuredRow[] {
  const table = readCsv(path)
  demandColumns(table, MEASURED_COLUMNS)
  if (table.records.length === 0) {
    throw new UserError({
      where: table.file,
      message: 'there are no rows below the header',
      hint: 'give a file of measured launches',
    })
  }
  return table.records.map((record) => rowOf(table, record))
}

function rowOf(table: CsvTable, record: CsvRecord): MeasuredRow {
  const { field, line } = record
  const refuse = (message: string, hint: string): never => {
    throw new UserError({ where: `${table.file}:${line}`, message, hint })
  }
  const needed = (column: string): number =>
    wholeIn(table, record, column, 1) ?? refuse(`${column} is blank`, 'every launch needs it')
  const oneOf = (column: string, allowed: readonly string[]): string =>
    allowed.includes(field(column))
      ? field(column)
      : refuse(`${column} is '${field(column)}'`, `use one of ${allowed.join(', ')}`)
  const kind = oneOf('kernel', ['gqa', 'mla'])
  const kv = oneOf('kv', ['fp8', 'bf16']) as 'fp8' | 'bf16'
  const [queryHeads, kvHeads, headDim] = [needed('query_heads'), needed('kv_heads'), needed('head_dim')]
  const measuredUs = numberIn(table, record, 'time_us') ?? 0
  if (measuredUs <= 0) refuse(`time_us is '${field('time_us')}'`, 'a launch takes time')
  const error = numberIn(table, record, 'max_error') ?? refuse('max_error is blank', 'check the output against float64 first')
  if (error > MOST_ERROR)
    refuse(`max_error is ${error}, above ${MOST_ERROR}: the kernel computed something else`, 'repair it first')
  const rule = field('rule')
  const pieces = field(PIECES_COLUMN)
  const launch = launchOf(lengthsOf(field('lengths'), refuse))
  const named = splitPolicy(rule, `${table.file}:${line}, rule`)
  const attention =
    kind === 'gqa'
      ? ({ kind, query_heads: queryHeads, kv_heads: kvHeads, head_dim: headDim } as const)
      : ({ kind: 'mla', query_heads: queryHeads, kv_rank: headDim, rope: needed('rope_dim') } as const)
  return {
    group: [field('gpu'), kind, `${queryHeads}/${kvHeads}x${headDim}`, kv].join(' '),
    batch: field('batch'),
    family: field('family'),
    // a planner decides the order too
    rule: field('order') === 'longest-first' && pieces === '' ? `${rule}, longest first` : rule,
    policy: pieces === '' ? named : launched(named, piecesOf(pieces, launch, refuse), launch),
    longestFirst: oneOf('order', ['arrival', 'longest-first']) === 'longest-first',
    launch,
    kernel: { kernel: kind, kv, query_heads: queryHeads, kv_heads: kvHeads },
    machine: { ...machineOf({ slots: needed('slots'), attention, kv }), tileTokens: needed('tile_tokens') },
    measuredNs: measuredUs * NS_PER_US,
  }
}

/** `8192;512;512` in arrival order. */
function lengthsOf(text: string, refuse: (message: string, hint: string) => never): number[] {
  const lengths = text.split(';').map(Number)
  const wrong = lengths.find((length) => !(Number.isInteger(length) && length >= 1 && length <= MOST_TOKENS))
  if (wrong !== undefined || lengths.length > MOST_SEQUENCES) {
    refuse(
      `lengths are not 1 to ${MOST_SEQUENCES} whole numbers of 1 to ${MOST_TOKENS} tokens`,
      'write them in arrival order: 8192;512;512',
    )
  }
  return lengths
}

/** `16;1;1`: pieces of each request, in arrival order. */
function piecesOf(text: string, { order }: Launch, refuse: (message: string, hint: string) => never): number[] {
  const pieces = text.split(';').map(Number)
  if (pieces.length !== order.length || pieces.some((count) => !(Number.isInteger(count) && count >= 1))) {
    refuse(
      'pieces are not one whole number of at least 1 for each length',
      'write them in arrival order, or leave the field blank',
    )
  }
  return pieces
}

/** The policy as it was launched, whatever it would decide with other constants. `pieces` in arrival order. */
function launched(policy: SplitPolicy, pieces: readonly number[], { order }: Launch): SplitPolicy {
  return {
    ...policy,
    plan(_batch, _machine, out) {
      out.kind = SPLIT_PER_REQUEST
      out.longestFirst = false
      pieces.forEach((count, request) => {
        out.pieces[order[request]] = count
      })
    },
  }
}

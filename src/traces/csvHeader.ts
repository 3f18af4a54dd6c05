/** Which columns of a CSV file are time, input and output tokens, and the unit of the time. */
import { UserError } from '../errors.js'
import { NS_PER_S } from '../units.js'
import { clearest, EXTRA_ROLES, type ExtraRole, findRoles } from './table/roles.js'
import { unitOf } from './units.js'

/** Names, or positions counted from 1 (needed when the file has no header), of the columns to read. */
export interface ColumnChoice extends Readonly<Partial<Record<ExtraRole, string>>> {
  readonly time?: string
  readonly input?: string
  readonly output?: string
  /** Unit of a numeric time: s | ms | us | ns. */
  readonly timeUnit?: string
}

export interface CsvLayout {
  readonly hasHeader: boolean
  readonly columns: number
  /** Positions from 0; the time -1 for a table without times. */
  readonly time: number
  readonly input: number
  readonly output: number
  readonly unitNs: number
  /** Nothing tells the unit of a numeric time: seconds are assumed. */
  readonly unitAssumed: boolean
  /** Positions of the columns beyond time and lengths. */
  readonly extras: ReadonlyMap<ExtraRole, number>
  readonly waitUnitNs: number
  /** There are waits, and no unit in the name of their column. */
  readonly waitsInTimeUnit: boolean
  readonly notes: readonly string[]
}

const MOST_LISTED = 20
const LONGEST_LISTED = 40
const UNIT_WORDS: readonly (readonly [string, RegExp])[] = [
  ['ns', /_(ns|nanos|nanoseconds?)$/],
  ['us', /_(us|usec|micros|microseconds?)$/],
  ['ms', /_(ms|msec|millis|milliseconds?)$/],
  ['s', /_(s|secs?|seconds?)$/],
]
/**
 * Column names of the public traces and of load tools (after `plainName`, times without their unit), those that can mean little else first: `time` may
 * be how long something took, `request` a number of the request, and `response` a status.
 */
const TIME = [
  /^(arrival(_(time|timestamp|at))?|arrived(_at)?)$/,
  /^(timestamp|ts)$/,
  /^((start|send|created|event)_time|created|(created|received|requested|sent|started|submitted)_at)$/,
  /^(time|t|request_time)$/,
]
const INPUT = [
  /^((num_|n_)?(input|prompt)_(tokens?|toks?|token_count)|isl)$/,
  /^(num_|n_)?(context|request|prefill)_(tokens?|toks?|token_count)$/,
  /^(num_|n_)?(input|prompt|context|request|prefill)_(len|length|size)$/,
  /^((num_|n_)?(input|prompt)|in)$/,
  /^(num_|n_)?(context|request|prefill)$/,
]
const OUTPUT = [
  /^((num_|n_)?(output|completion)_(tokens?|toks?|token_count)|osl)$/,
  /^(num_|n_)?(generated|generation|response|decode|answer)_(tokens?|toks?|token_count)$/,
  /^((num_|n_)?(output|completion|generated|generation|response|decode|answer)_(len|length|size)|token_size)$/,
  /^((num_|n_)?(output|completion)|out)$/,
  /^(num_|n_)?(generated|generation|response|decode|answer)$/,
]
/** Azure's columns are known, whatever others a file has beside them. */
const AZURE = { time: 'timestamp', input: 'context_tokens', output: 'generated_tokens' }

/** The layout told by the first line's fields. `onlyChosen`: beyond time and lengths no column is known by its name. Throws `UserError` when a column is missing or its unit is unknown. */
export function layoutOf(
  fields: readonly string[],
  path: string,
  given: ColumnChoice = {},
  mustBeAzure = false,
  hasTime = true,
  onlyChosen = false,
): CsvLayout {
  const hasHeader = !fields.some(looksLikeData)
  if (!hasHeader && fields.some((field) => field.includes('\r'))) {
    throw new UserError({
      where: path,
      message: 'the first line of the table holds several rows: they end with returns, and other lines of the file with newlines',
      hint: "end all lines alike: tr '\\r' '\\n' < FILE",
    })
  }
  const names = fields.map(plainName)
  const isAzure = hasHeader && ['timestamp', 'context_tokens', 'generated_tokens'].every((name) => names.includes(name))
  if (mustBeAzure && !isAzure) {
    throw new UserError({
      where: `${path}:1`,
      message: 'an Azure trace begins with the header TIMESTAMP,ContextTokens,GeneratedTokens; this file does not',
      hint: 'read it as csv',
    })
  }
  const choice = isAzure ? { ...AZURE, ...given } : given
  if (!hasHeader && fields.length !== 3 && (choice.time ?? choice.input ?? choice.output) === undefined) {
    throw new UserError({
      where: `${path}:1`,
      message: `the file has no header and ${fields.length} ${fields.length === 1 ? 'column' : 'columns'}; without a header it must have three: time, input tokens, output tokens`,
      hint: 'add a header line, or give the positions of the three: workload.read.columns={time: "1", input: "2", output: "3"} (trace commands: --columns time=1,input=2,output=3)',
    })
  }
  const find = (role: MainRole, patterns: readonly RegExp[], position: number): number => {
    const wanted = choice[role]
    if (wanted !== undefined) return chosenColumn(wanted, role, fields, hasHeader, path)
    if (!hasHeader) return position
    const found = clearest(role === 'time' ? names.map(withoutUnit) : names, patterns)
    if (found.length > 0) return onlyOne(found, role, names, fields, path)
    throw new UserError({
      where: `${path}:1`,
      message: `no column is known to be the ${meaningOf(role)}; the columns are ${listed(fields)}`,
      hint: `name it: workload.read.columns.${role}=NAME (trace commands: --columns ${role}=NAME), or call it ${{ time: 'arrival_s', input: 'input_tokens', output: 'output_tokens' }[role]}`,
    })
  }
  const time = hasTime ? find('time', TIME, 0) : -1
  const input = find('input', INPUT, 1)
  const output = find('output', OUTPUT, 2)
  if (time === input || time === output || input === output) {
    throw new UserError({
      where: `${path}:1`,
      message: 'time, input and output tokens must be three different columns',
      hint: 'name three columns',
    })
  }
  const extras = extraColumns(fields, onlyChosen ? [] : names, new Set([time, input, output]), choice, hasHeader, path)
  const unit = hasTime
    ? timeUnit(hasHeader ? names[time] : '', choice.timeUnit, path)
    : { unitNs: NS_PER_S, word: null, assumed: false }
  const notes: string[] = []
  const waitName = extras.has('wait') && hasHeader ? names[extras.get('wait') as number] : ''
  const waitUnit = timeUnit(waitName, undefined, path)
  const waitUnitNs = waitUnit.assumed ? unit.unitNs : waitUnit.unitNs
  const waitsInTimeUnit = extras.has('wait') && waitUnit.assumed
  if (waitsInTimeUnit) notes.push('Waits are taken to be in the unit of the times: their column does not say.')
  if (unit.word !== null) notes.push(`Time is in ${unit.word}, from the name of its column.`)
  if (!hasHeader) notes.push('No header: the columns are taken to be time, input tokens and output tokens.')
  const roles: [keyof ColumnChoice, number][] = [['time', time], ['input', input], ['output', output], ...extras]
  const used = roles.map(([, at]) => at)
  if (hasHeader) for (const [role, at] of roles) if (at >= 0) demandOne(role, at, names, choice[role], fields[at], path)
  const others = [...extras].map(([role, at]) => `, ${role} = ${fields[at]}`).join('')
  if (hasHeader)
    notes.push(
      `Columns: ${hasTime ? `time = ${fields[time]}, ` : ''}input tokens = ${fields[input]}, output tokens = ${fields[output]}${others}.`,
    )
  const unused = fields.filter((_, i) => !used.includes(i))
  if (!hasTime)
    notes.push(
      unused.length === 0
        ? 'The file has no times: it is a table of lengths.'
        : 'No column has the name of a time: the file is read as a table of lengths. If one holds times, name it: workload.read.columns.time=NAME (trace commands: --columns time=NAME).',
    )
  if (hasHeader && unused.length > 0) notes.push(`Columns not used: ${listed(unused)}.`)
  return {
    hasHeader,
    columns: fields.length,
    time,
    input,
    output,
    unitNs: unit.unitNs,
    unitAssumed: unit.assumed,
    extras,
    waitUnitNs,
    waitsInTimeUnit,
    notes,
  }
}

/** Roles that every table of requests has. */
type MainRole = 'time' | 'input' | 'output'

const meaningOf = (role: MainRole): string => (role === 'time' ? 'arrival time' : `${role} tokens`)

/** The first of the columns that may have a role. Throws where their names tell it alike but are not the same (`demandOne` judges those that are). */
function onlyOne(
  found: readonly number[],
  role: MainRole,
  names: readonly string[],
  fields: readonly string[],
  path: string,
): number {
  const [first, ...others] = found
  const other = others.find((at) => names[at] !== names[first])
  if (other === undefined) return first
  throw new UserError({
    where: `${path}:1`,
    message: `columns ${fields[first]} and ${fields[other]} may each be the ${meaningOf(role)}, and the file does not say which of them to read`,
    hint: `name the one to read: workload.read.columns.${role}=NAME (trace commands: --columns ${role}=NAME)`,
  })
}

/** Throws where another column has the name of the one that is read, and no position says which is meant. */
function demandOne(
  role: string,
  at: number,
  names: readonly string[],
  wanted: string | undefined,
  shown: string,
  path: string,
): void {
  const alike = names.flatMap((name, i) => (name === names[at] ? [i + 1] : []))
  if (alike.length < 2 || wanted === String(at + 1)) return
  throw new UserError({
    where: `${path}:1`,
    message: `columns ${alike.join(' and ')} have the name ${shown}, and the file does not say which of them to read`,
    hint: `rename all but one, or give the position: workload.read.columns.${role}="${alike[alike.length - 1]}" (trace commands: --columns ${role}=${alike[alike.length - 1]})`,
  })
}

function extraColumns(
  fields: readonly string[],
  names: readonly string[],
  taken: ReadonlySet<number>,
  choice: ColumnChoice,
  hasHeader: boolean,
  path: string,
): ReadonlyMap<ExtraRole, number> {
  const chosen = new Map<ExtraRole, number>()
  for (const role of EXTRA_ROLES) {
    const wanted = choice[role]
    if (wanted !== undefined) chosen.set(role, chosenColumn(wanted, role, fields, hasHeader, path))
  }
  const known = hasHeader ? names : []
  const { at, missing } = findRoles(known, known.map(withoutUnit), chosen, taken)
  if (missing === null) return at
  throw new UserError({
    where: path,
    message: `a ${missing.role} column says nothing without a ${missing.needs} column`,
    hint: `name the ${missing.needs} column too, or leave the ${missing.role} column out`,
  })
}

function chosenColumn(wanted: string, role: string, fields: readonly string[], hasHeader: boolean, path: string): number {
  const byName = hasHeader ? fields.findIndex((field) => field === wanted || plainName(field) === plainName(wanted)) : -1
  if (byName >= 0) return byName
  if (/^\d+$/.test(wanted) && +wanted >= 1 && +wanted <= fields.length) return +wanted - 1
  throw new UserError({
    where: path,
    message: `there is no ${role} column '${wanted}'; ${hasHeader ? `the columns are ${listed(fields)}` : `the file has no header and ${fields.length} columns`}`,
    hint: 'give one of these names, or a position counted from 1',
  })
}

function timeUnit(
  name: string,
  chosen: string | undefined,
  path: string,
): { unitNs: number; word: string | null; assumed: boolean } {
  if (chosen !== undefined) return { unitNs: unitOf(chosen, path), word: null, assumed: false }
  const word = UNIT_WORDS.find(([, pattern]) => pattern.test(name))
  if (word !== undefined) return { unitNs: unitOf(word[0], path), word: word[0], assumed: false }
  return { unitNs: NS_PER_S, word: null, assumed: true }
}

/** `ContextTokens`, `context tokens` and `context-tokens` are all context_tokens. */
export function plainName(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '')
}

/** Names for a sentence: a file that is no CSV may have a first line of any length. */
export function listed(names: readonly string[]): string {
  const shown = names
    .slice(0, MOST_LISTED)
    .map((name) => (name.length > LONGEST_LISTED ? `${name.slice(0, LONGEST_LISTED)}...` : name.trim() || "''"))
  return shown.join(', ') + (names.length > MOST_LISTED ? ` and ${names.length - MOST_LISTED} more` : '')
}

function withoutUnit(name: string): string {
  const word = UNIT_WORDS.find(([, pattern]) => pattern.test(name))
  return word === undefined ? name : name.replace(word[1], '')
}

function looksLikeData(field: string): boolean {
  return (
    /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(field) ||
    /^\d{4}-\d\d-\d\d/.test(field) ||
    /^\d+:\d\d([:.]|$)/.test(field) ||
    /^[+-]?(nan|inf(inity)?)$/i.test(field)
  )
}

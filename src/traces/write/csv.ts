/**
 * CSV out: arrival_s (nine decimals, exact; empty for a request that is released by those it waits for), input_tokens, output_tokens, and the
 * other columns that the workload has. All numbers, but tenants and classes by name where they have names.
 */
import { UserError } from '../../errors.js'
import { NS_PER_S } from '../../units.js'
import type { Workload } from '../workload.js'
import type { Piece } from './file.js'

const ROWS_PER_PIECE = 1 << 12

/** Header and cell of a column. */
interface CsvColumn {
  readonly header: string
  cell(i: number): string | number
}

export function* csvPieces(workload: Workload, path: string): Generator<Piece> {
  const columns = columnsOf(workload, path)
  yield `${columns.map(({ header }) => header).join(',')}\n`
  for (let start = 0; start < workload.count; start += ROWS_PER_PIECE) {
    let piece = ''
    for (let i = start; i < Math.min(start + ROWS_PER_PIECE, workload.count); i++) {
      piece += columns[0].cell(i)
      for (let c = 1; c < columns.length; c++) piece += `,${columns[c].cell(i)}`
      piece += '\n'
    }
    yield piece
  }
}

function columnsOf(workload: Workload, path: string): CsvColumn[] {
  const { arrivalNs, isl, osl, tenant, classId, session, parent, waitNs, joins, names } = workload
  const columns: CsvColumn[] = [
    { header: 'arrival_s', cell: (i) => (Number.isNaN(arrivalNs[i]) ? '' : seconds(arrivalNs[i])) },
    { header: 'input_tokens', cell: (i) => isl[i] },
    { header: 'output_tokens', cell: (i) => osl[i] },
  ]
  const add = (header: string, cell: CsvColumn['cell']): void => {
    columns.push({ header, cell })
  }
  if (tenant !== null) add('tenant', namedCell(tenant, names.tenant, 'tenant', path))
  if (classId !== null) add('class', namedCell(classId, names.class, 'class', path))
  if (session !== null) add('session', (i) => reference(session[i]))
  if (parent !== null) {
    add('request', (i) => i)
    add('parent', (i) => reference(parent[i]))
    if (waitNs !== null) add('wait_s', (i) => seconds(waitNs[i]))
    if (joins !== null) add('joins', (i) => reference(joins[i]))
  }
  return columns
}

const reference = (row: number): string | number => (row < 0 ? '' : row)

/** Whole ns as seconds with nine decimals. */
function seconds(timeNs: number): string {
  const whole = Math.floor(timeNs / NS_PER_S)
  return `${whole}.${String(timeNs - whole * NS_PER_S).padStart(9, '0')}`
}

/** Names as a CSV needs them; a number where there is no name, and nothing for a request without a tenant. */
function namedCell(
  ids: ArrayLike<number>,
  names: readonly string[] | null,
  what: string,
  path: string,
): (i: number) => string | number {
  if (names === null) return (i) => ids[i]
  const cells = names.map((name) => (/^[\w.:/@+-]+$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`))
  const broken = names.find((name) => /^$|[\r\n]/.test(name))
  if (broken !== undefined) {
    throw new UserError({
      where: path,
      message:
        broken === ''
          ? `a CSV line cannot hold the empty name of a ${what}`
          : `a CSV line cannot hold the line break in the name of ${what} ${JSON.stringify(broken)}`,
      hint: `write a .swt or .parquet trace, or add --drop ${what === 'class' ? 'classes' : 'tenants'}`,
    })
  }
  return (i) => cells[ids[i]] ?? reference(ids[i])
}

/** Traces out: one file per format. */
import { UserError } from '../../errors.js'
import { withPackedRuns } from '../blocks.js'
import { encodeTrace } from '../shapewiseFormat.js'
import type { Workload } from '../workload.js'
import { csvPieces } from './csv.js'
import { type Piece, writeWhole } from './file.js'
import { mooncakePieces } from './mooncake.js'
import { type Part, partsOf, withoutParts } from './parts.js'
import { TARGET_ENDINGS, type TargetName } from './targets.js'

interface Target {
  /** Parts of a workload that the format cannot hold. */
  readonly lacks: readonly Part[]
  pieces(workload: Workload, path: string): Iterable<Piece> | Promise<Iterable<Piece>>
}

const TARGETS: Readonly<Record<TargetName, Target>> = {
  shapewise: { lacks: [], pieces: (workload) => [encodeTrace(workload)] },
  // its library is loaded when it is needed: reading a trace shall not wait for it
  parquet: { lacks: [], pieces: async (workload) => (await import('./parquet.js')).parquetPieces(workload) },
  csv: { lacks: ['blocks'], pieces: csvPieces },
  mooncake: { lacks: ['classes', 'tenants', 'joins'], pieces: mooncakePieces },
}

export interface WriteOptions {
  /** `shapewise` is .swt, `mooncake` .jsonl. */
  readonly to: TargetName
  /** Parts to leave out. */
  readonly drop?: readonly Part[]
}

/**
 * Writes `workload` to `path`, gzip compressed when the name ends in .gz; whole or not at all. Throws `UserError` when the format cannot hold a
 * part of the workload that is not to be dropped.
 */
export async function writeWorkload(path: string, workload: Workload, { to, drop = [] }: WriteOptions): Promise<void> {
  refuseName(path, to)
  const rest = withPackedRuns(withoutParts(workload, drop))
  const target = TARGETS[to]
  const lost = partsOf(rest).filter((part) => target.lacks.includes(part))
  if (lost.length > 0) {
    throw new UserError({
      where: path,
      message: `the trace has ${listed(lost)}, which ${to} cannot hold`,
      hint: `write a .swt or .parquet trace, or add --drop ${lost.join(',')}`,
    })
  }
  if (rest.parent === null && rest.arrivalNs.some(Number.isNaN)) {
    throw new UserError({
      where: path,
      message:
        'without its sessions the trace has requests that are never sent: they wait for others and have no time of their own',
      hint: 'keep the sessions, or replay the trace first',
    })
  }
  await writeWhole(path, await target.pieces(rest, path))
}

/** Writes `workload` to a .swt file, or gzip compressed when the name ends in .gz. */
export const writeTrace = (path: string, workload: Workload): Promise<void> => writeWorkload(path, workload, { to: 'shapewise' })

/** Writes `workload` as CSV, all but its prefix blocks, which are left out. */
export const writeCsv = (path: string, workload: Workload): Promise<void> =>
  writeWorkload(path, workload, { to: 'csv', drop: ['blocks'] })

function refuseName(path: string, to: TargetName): void {
  if (path.endsWith('.zst')) {
    throw new UserError({
      where: path,
      message: 'zstd is read, but not written',
      hint: 'end the name in .gz, or compress it with `zstd`',
    })
  }
  if (to === 'parquet' && path.endsWith('.gz')) {
    throw new UserError({
      where: path,
      message: 'a Parquet file is compressed inside, and gzip around it would keep readers from seeking in it',
      hint: `end the name in ${TARGET_ENDINGS.parquet}`,
    })
  }
}

const listed = (words: readonly string[]): string =>
  words.length === 1 ? words[0] : `${words.slice(0, -1).join(', ')} and ${words[words.length - 1]}`

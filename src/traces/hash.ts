/** The hash of a trace's content, by which results name it. */
import { createHash } from 'node:crypto'
import { COLUMN_NAMES, COLUMNS } from './contentColumns.js'
import type { Workload } from './workload.js'

/** 12 hex digits of the SHA-256 over the content columns; name, origin and skipped rows do not count. */
export function traceHash(workload: Workload): string {
  const hash = createHash('sha256')
  hash.update(`${workload.count}/${workload.blockTokens}`)
  for (const name of COLUMN_NAMES) {
    const column = workload[name]
    if (column === null) continue
    hash.update(`/${name}:${COLUMNS[name]}:${column.length}/`)
    hash.update(new Uint8Array(column.buffer, column.byteOffset, column.byteLength))
  }
  return hash.digest('hex').slice(0, 12)
}

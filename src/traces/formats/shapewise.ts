/** Our own trace file. It is held whole: its columns are decoded at the end. */
import { UserError } from '../../errors.js'
import { decodeTrace, MAGIC } from '../shapewiseFormat.js'
import type { Workload } from '../workload.js'
import type { Format } from './format.js'

const MAGIC_WITHIN_BYTES = 64

export const shapewise: Format = {
  // it begins with a msgpack map, of which no text has the first byte
  recognises: ({ bytes }) => bytes[0] >= 0x80 && bytes.subarray(0, MAGIC_WITHIN_BYTES).includes(MAGIC),
  heeds: ['blockTokens'],
  createReader({ path }) {
    const chunks: Buffer[] = []
    let workload: Workload | null = null
    return {
      push: (bytes) => {
        chunks.push(bytes)
      },
      end() {
        workload = decodeTrace(Buffer.concat(chunks), path)
        if (workload.count > 0) return
        throw new UserError({
          where: path,
          message: 'the trace holds no requests',
          hint: 'give a trace with at least one request of one or more input and output tokens',
        })
      },
      rowsRead: () => workload?.count ?? 0,
      findings() {
        if (workload === null) throw new Error('findings before the end of the file')
        const { note } = workload.provenance
        return { note, notes: note === '' ? [] : [note], workload }
      },
    }
  },
}

/** From a trace to the three parts that an experiment tunes on, chooses on and judges on; and the lengths of the controls. */
import { shuffled, stream } from '../../rng.js'
import { splitInTime } from '../../traces/load.js'
import { unitsOf } from '../../traces/sessions.js'
import { shapesOnly, type Workload } from '../../traces/workload.js'
import { NS_PER_S } from '../../units.js'
import type { Lengths } from './cell.js'

export interface Parts {
  readonly train: Workload
  readonly validation: Workload
  readonly test: Workload
}

/** Where the parts end, as shares of the trace's time; of sessions without times, of their number. */
const SHARES = { train: 0.5, validation: 0.7 } as const

/** Whole parts of a trace, one after the other. Sessions are laid out as `openRequests` says, each part by itself. */
export function partsOf(workload: Workload, seed: number): Parts {
  const cut = (from: number, to: number): Workload => {
    const part = splitInTime(workload, from, to)
    return unitsOf(part).areSessions ? openRequests(part, seed, `${from}-${to}`) : bare(part)
  }
  return { train: cut(0, SHARES.train), validation: cut(SHARES.train, SHARES.validation), test: cut(SHARES.validation, 1) }
}

/** Times and lengths alone: no arm is credited with prefixes. */
const bare = ({ arrivalNs, isl, osl, provenance }: Workload): Workload => shapesOnly(arrivalNs, isl, osl, provenance)

/** A pause of a person or a tool counts for this long at most; an answer takes so long a token. */
const LONGEST_PAUSE_NS = 60 * NS_PER_S
const TOKEN_NS = 0.02 * NS_PER_S
/** The sessions of a part are spread over this time. */
const HORIZON_NS = 3600 * NS_PER_S

/**
 * The requests of sessions as requests that come by themselves. Each session begins at a random moment of an hour that is bent to a ring, so that load
 * is even; its requests follow in their order, apart by the recorded pause (a minute at most) and the time of an answer at 50 tokens/s. What a
 * session's requests have in common stays: they are near each other in time and much alike in length. Forks are laid end to end.
 */
export function openRequests(part: Workload, seed: number, name: string): Workload {
  const units = unitsOf(part)
  const rng = stream(seed, `claim/sessions/${name}`)
  const at = new Float64Array(part.count)
  for (let u = 0; u < units.count; u++) {
    let timeNs = rng.uniform() * HORIZON_NS
    for (let i = units.offset[u]; i < units.offset[u + 1]; i++) {
      const row = units.rows[i]
      if (i > units.offset[u]) timeNs += Math.min(LONGEST_PAUSE_NS, part.waitNs?.[row] ?? 0)
      at[row] = Math.floor(timeNs % HORIZON_NS)
      timeNs += part.osl[row] * TOKEN_NS
    }
  }
  const order = Uint32Array.from(at, (_, row) => row).sort((a, b) => at[a] - at[b] || a - b)
  return shapesOnly(
    Float64Array.from(order, (row) => at[row]),
    Int32Array.from(order, (row) => part.isl[row]),
    Int32Array.from(order, (row) => part.osl[row]),
    part.provenance,
  )
}

/** Lengths of the control with equal ones: long against what an answer adds, so that a batch is equal at every moment. */
const EQUAL = { isl: 8192, osl: 64 } as const

/** The part with the lengths of a control; arrival times stay. */
export function withLengths(part: Workload, lengths: Lengths, seed: number): Workload {
  const { count, arrivalNs, isl, osl, provenance } = part
  const all = (value: number): Int32Array => new Int32Array(count).fill(value)
  switch (lengths) {
    case 'own':
      return part
    case 'equal':
      return shapesOnly(arrivalNs, all(EQUAL.isl), all(EQUAL.osl), provenance)
    case 'mean':
      return shapesOnly(arrivalNs, all(meanOf(isl)), all(meanOf(osl)), provenance)
    case 'shuffled': {
      const order = permutation(count, seed, 'claim/shuffled-lengths')
      return shapesOnly(
        arrivalNs,
        order.map((row) => isl[row]),
        order.map((row) => osl[row]),
        provenance,
      )
    }
  }
}

const meanOf = (values: Int32Array): number =>
  Math.max(1, Math.round(values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)))

/** The numbers 0 to n - 1 in random order. */
export const permutation = (n: number, seed: number, name: string): Int32Array<ArrayBuffer> =>
  shuffled(
    Int32Array.from({ length: n }, (_, i) => i),
    stream(seed, name),
  )

/** A measured run through the event core: the same requests at the same times, on a machine of a few numbers. */
import { simulate } from '../../simulator/index.js'
import { shapesOnly } from '../../traces/workload.js'
import { NS_PER_MS, nsToMs } from '../../units.js'
import { decodeStepNs, type MachineNumbers, machineArm, machineConfig } from './numbers.js'

/** Requests to replay: arrival (whole ns, ascending) and lengths in tokens. */
export interface Offered {
  readonly arrivalNs: Float64Array
  readonly inputTokens: Int32Array
  readonly outputTokens: Int32Array
}

/** By request, in the order offered: from arrival to the first and to the last token, ms; NaN where there was none by `untilNs`. */
export interface Times {
  readonly ttftMs: Float64Array
  readonly e2eMs: Float64Array
}

/** Two passes: the first shows how long a step was when each request came, the second places the request that much later. */
export function replay(numbers: MachineNumbers, offered: Offered, untilNs = Number.POSITIVE_INFINITY): Times {
  const atOnce = pass(numbers, offered, offered.arrivalNs, untilNs)
  return numbers.leadSteps === 0 ? atOnce : pass(numbers, offered, placedNs(numbers, offered, atOnce), untilNs)
}

/** Arrivals put off by `leadSteps` steps of the batch that was decoding at that moment; their order is kept. */
function placedNs(numbers: MachineNumbers, offered: Offered, { ttftMs, e2eMs }: Times): Float64Array {
  const { arrivalNs, inputTokens, outputTokens } = offered
  let inside: number[] = []
  let lastNs = 0
  return arrivalNs.map((nowNs, i) => {
    let sequences = 0
    let kvTokens = 0
    inside = inside.filter((j) => !(arrivalNs[j] + e2eMs[j] * NS_PER_MS <= nowNs))
    for (const j of inside) {
      const decodedShare = (nowNs - arrivalNs[j] - ttftMs[j] * NS_PER_MS) / ((e2eMs[j] - ttftMs[j]) * NS_PER_MS)
      if (!(decodedShare >= 0)) continue
      sequences++
      kvTokens += inputTokens[j] + outputTokens[j] * decodedShare
    }
    inside.push(i)
    const waitNs = sequences === 0 ? 0 : numbers.leadSteps * decodeStepNs(numbers, sequences, kvTokens)
    lastNs = Math.max(lastNs, Math.round(nowNs + waitNs))
    return lastNs
  })
}

function pass(numbers: MachineNumbers, offered: Offered, placed: Float64Array, untilNs: number): Times {
  const { arrivalNs, inputTokens, outputTokens } = offered
  const count = arrivalNs.length
  const maxLength = inputTokens.reduce((longest, tokens, i) => Math.max(longest, tokens + outputTokens[i]), 1)
  const provenance = { name: 'replay', format: 'generated', note: 'measured arrivals', rowsRead: count, rowsSkipped: 0 }
  const workload = shapesOnly(placed, inputTokens, outputTokens, provenance)
  const { records } = simulate(machineConfig(numbers, maxLength), machineArm(), workload, { load: { kind: 'open' }, untilNs })
  const ttftMs = new Float64Array(count).fill(Number.NaN)
  const e2eMs = new Float64Array(count).fill(Number.NaN)
  for (let row = 0; row < records.count; row++) {
    const request = records.request[row]
    ttftMs[request] = nsToMs(records.firstTokenNs[row] - arrivalNs[request])
    e2eMs[request] = nsToMs(records.endNs[row] - arrivalNs[request])
  }
  return { ttftMs, e2eMs }
}

/** A run as a trace: its workload with the arrivals that the simulation gave it. Replayed open loop it gives the same records. */
import type { Records } from '../metrics/records.js'
import { pick, pickRequests } from './columns.js'
import { denseBlocks } from './denseBlocks.js'
import { settled } from './relations.js'
import type { Workload } from './workload.js'

export interface SimulatedTrace {
  add(records: Records): void
  /** After a run that went to its end: all requests. Those that were given up are there, and a replay gives them up again. */
  whole(): Workload
  /**
   * After a run that was cut short: those that were sent by then. When a closed loop would have sent the others cannot be told. Whoever was sent
   * had waited for nobody who was not.
   */
  onlySent(): Workload
}

/** Requests that waited for others wait again; those that did not have the time at which they were sent. `closed`: as in the load of the simulation. */
export function createSimulatedTrace(workload: Workload, closed: boolean): SimulatedTrace {
  const { parent } = workload
  const arrivalNs = workload.arrivalNs.slice()
  if (closed) for (let i = 0; i < arrivalNs.length; i++) if (parent !== null && parent[i] >= 0) arrivalNs[i] = Number.NaN
  const sent = new Uint8Array(workload.count)
  const whole = (): Workload => ({ ...workload, arrivalNs })
  return {
    add(records) {
      for (let row = 0; row < records.count; row++) {
        const request = records.request[row]
        sent[request] = 1
        if (closed && !Number.isNaN(arrivalNs[request])) arrivalNs[request] = records.arrivalNs[row]
      }
    },
    whole,
    onlySent() {
      const order = new Uint32Array(workload.count)
      let count = 0
      for (let i = 0; i < workload.count; i++) if (sent[i] === 1) order[count++] = i
      const rows = order.subarray(0, count)
      const { workload: kept } = settled(pickRequests(whole(), rows, pick(arrivalNs, rows)))
      return { ...kept, ...denseBlocks(kept) }
    },
  }
}

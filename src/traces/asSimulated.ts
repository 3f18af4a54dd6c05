/** A run as a trace: its workload with the arrivals that the simulation gave it. Replayed open loop it gives the same records. */
import type { Records } from '../metrics/records.js'
import type { Workload } from './workload.js'

export interface SimulatedTrace {
  add(records: Records): void
  workload(): Workload
}

/**
 * Requests that waited for others wait again; those that did not have the time at which they were sent. What a closed loop had not sent by
 * the end of a run that was cut short cannot be told, so the run must have gone to its end. `closed`: as in the load of the simulation.
 */
export function createSimulatedTrace(workload: Workload, closed: boolean): SimulatedTrace {
  const { parent } = workload
  const arrivalNs = workload.arrivalNs.slice()
  if (closed) for (let i = 0; i < arrivalNs.length; i++) if (parent !== null && parent[i] >= 0) arrivalNs[i] = Number.NaN
  return {
    add(records) {
      if (!closed) return
      for (let row = 0; row < records.count; row++) {
        const request = records.request[row]
        if (!Number.isNaN(arrivalNs[request])) arrivalNs[request] = records.arrivalNs[row]
      }
    },
    workload: () => ({ ...workload, arrivalNs }),
  }
}

/** The traffic of a job: a part of the trace, drawn anew at a rate. */
import type { MeasureWindow } from '../simulator/config.js'
import { offeredTraffic, requireFew, type Traffic, type TrafficRequest } from '../traces/load.js'
import type { Workload } from '../traces/workload.js'
import { NS_PER_S, sToNs } from '../units.js'
import type { Draw } from './draw.js'
import type { JobContext, OpenJob } from './job.js'

export function partOf({ parts }: JobContext, { part }: Draw): Workload {
  const found = parts[part]
  if (found === undefined) throw new RangeError(`this experiment has no ${part} part`)
  return found
}

type Offer = Omit<OpenJob, 'kind' | 'arm' | 'keep'>

function requestOf(context: JobContext, { draw, ratePerS, warmupS, measureS, tailS, e2eS }: Offer): TrafficRequest {
  const factor = context.speedUp ?? 1
  return {
    part: partOf(context, draw),
    ratePerS: ratePerS / factor,
    durationNs: sToNs((warmupS + measureS + tailS) * factor),
    seed: context.seed,
    replicate: draw.replicate,
    mode: draw.mode,
    e2eNs: e2eS * NS_PER_S,
    stretch: factor,
  }
}

/** Throws UserError where `openTraffic` would draw more requests than a machine holds. */
export const requireHeld = (context: JobContext, offer: Offer): void => requireFew(requestOf(context, offer))

/** What an open job offers, and the part of it that is measured. */
export function openTraffic(context: JobContext, offer: Offer): Traffic & { window: MeasureWindow } {
  const { warmupS, measureS } = offer
  const factor = context.speedUp ?? 1
  const traffic = offeredTraffic(requestOf(context, offer))
  const { arrivalNs } = traffic.workload
  return {
    ...traffic,
    workload: { ...traffic.workload, arrivalNs: factor === 1 ? arrivalNs : arrivalNs.map((t) => Math.floor(t / factor)) },
    window: { fromNs: sToNs(warmupS), toNs: sToNs(warmupS + measureS) },
  }
}

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

/** What an open job offers, and the part of it that is measured. The jobs of a context share columns: nobody may write to them. */
export function openTraffic(context: JobContext, offer: Offer): Traffic & { window: MeasureWindow } {
  const { warmupS, measureS } = offer
  return { ...drawnTraffic(context, offer), window: { fromNs: sToNs(warmupS), toNs: sToNs(warmupS + measureS) } }
}

interface Drawn {
  readonly asked: string
  readonly traffic: Traffic
}

/** What was drawn last in a context: the next job is often that of another arm on the same draw. */
const lastDrawn = new WeakMap<JobContext, Drawn>()

function drawnTraffic(context: JobContext, offer: Offer): Traffic {
  const request = requestOf(context, offer)
  const { ratePerS, durationNs, e2eNs } = request
  const asked = JSON.stringify([offer.draw, ratePerS, durationNs, e2eNs])
  // nothing, no variable either, holds the old traffic while other is drawn: each may take gigabytes
  if (lastDrawn.get(context)?.asked !== asked) {
    lastDrawn.delete(context)
    lastDrawn.set(context, { asked, traffic: draw(context, request) })
  }
  return (lastDrawn.get(context) as Drawn).traffic
}

function draw({ speedUp }: JobContext, request: TrafficRequest): Traffic {
  const traffic = offeredTraffic(request)
  if (speedUp === null || speedUp === 1) return traffic
  const arrivalNs = traffic.workload.arrivalNs.map((timeNs) => Math.floor(timeNs / speedUp))
  return { ...traffic, workload: { ...traffic.workload, arrivalNs } }
}

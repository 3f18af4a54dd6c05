/** The fabric of the reference simulator: every flow is compared with every other one whenever a flow starts or ends. */
import type { FabricConfig } from '../../src/simulator/config.js'
import type { Rank } from './rank.js'
import type { Request } from './request.js'

export interface Flow {
  readonly request: Request
  readonly from: Rank
  readonly to: Rank
  readonly isLocal: boolean
  bytesLeft: number
  sinceNs: number
  /** 0 before its first pricing. */
  share: number
}

export class Fabric {
  flows: Flow[] = []

  /** `post` is told when a flow ends, as often as that changes. */
  constructor(
    readonly config: FabricConfig,
    readonly post: (request: Request, timeNs: number) => void,
  ) {}

  start(request: Request, to: Rank, nowNs: number): void {
    const from = request.source as Rank
    this.flows.push({
      request,
      from,
      to,
      isLocal: from.config.domain === to.config.domain,
      bytesLeft:
        (request.target - request.shared.length * to.config.blockSize) *
        Math.max(from.config.kvBytesPerToken, to.config.kvBytesPerToken),
      sinceNs: nowNs,
      share: 0,
    })
    this.divide(nowNs)
  }

  end(request: Request, nowNs: number): void {
    this.flows = this.flows.filter((flow) => flow.request !== request)
    this.divide(nowNs)
  }

  private divide(nowNs: number): void {
    for (const flow of this.flows) {
      const same = this.flows.filter((other) => other.isLocal === flow.isLocal)
      const leaving = same.filter((other) => other.from === flow.from).length
      const entering = same.filter((other) => other.to === flow.to).length
      const share = Math.max(leaving, entering)
      if (share === flow.share) continue
      const rate = flow.isLocal ? this.config.nvlinkBytesPerNs : this.config.nicBytesPerNs
      if (flow.share > 0) flow.bytesLeft = Math.max(0, flow.bytesLeft - ((nowNs - flow.sinceNs) * rate) / flow.share)
      flow.sinceNs = nowNs
      flow.share = share
      this.post(flow.request, nowNs + Math.ceil((flow.bytesLeft * share) / rate))
    }
  }
}

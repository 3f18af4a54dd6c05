/** The way of a request from its prefill rank to a decode rank: held, admitted, on the fabric, arrived (docs/SEMANTICS.md, "Transfers"). Migrations end as transfers do. */
import { cachedBlocks, giveBlocksOfRank, prefillBlocks, shareBlocks, takeBlocks } from './blocks.js'
import type { Core } from './core.js'
import { joinDecode } from './decodeSet.js'
import { settleServed } from './quiet.js'
import {
  choosePlace,
  chooseSpan,
  enqueueTail,
  enterPhase,
  leaveQueue,
  PHASE_DECODE,
  PHASE_DECODE_WAIT,
  PHASE_TRANSFER,
} from './requests.js'
import { insertDecoding } from './runningList.js'
import { ARRIVED, TRANSFERRING } from './slots.js'
import type { State } from './state.js'
import { moveTransfer, popTransfer, pushTransfer } from './transferHeap.js'

/** The prompt is computed on prefill rank g, which keeps its blocks: the levers choose where the request decodes, and it queues there. */
export function routeToDecode(core: Core, g: number, slot: number, nowNs: number): void {
  const s = core.state
  const { slots } = s
  const view = core.requestView
  view.inputTokens = slots.isl[slot]
  view.classId = slots.classId[slot]
  view.tenant = slots.tenant[slot]
  const to = choosePlace(core, 'decode', slots.request[slot], slots.prefix[slot])
  slots.source[slot] = g
  slots.sourceShared[slot] = slots.shared[slot]
  slots.shared[slot] = 0
  slots.rank[slot] = to
  chooseSpan(core, slot)
  enterPhase(slots, slot, PHASE_DECODE_WAIT, nowNs)
  enqueueTail(s, to, slot)
  touch(core, s.engineOf[to])
}

/** The event being served gave engine `e` work. */
function touch(core: Core, e: number): void {
  if (core.touched[e] === 1) return
  core.touched[e] = 1
  core.touchedCount++
}

/** Admits the head of the queue of decode rank g, if its blocks are free: its transfer begins. */
export function admitTransfer(core: Core, e: number, g: number, slot: number, nowNs: number): boolean {
  const s = core.state
  const engine = core.engines[e]
  const need = prefillBlocks(s, engine, slot, s.slots.target[slot])
  if (!takeBlocks(s, engine, g, slot, need, cachedBlocks(s, engine, g, slot))) return false
  leaveQueue(s, g, slot)
  s.incoming[g]++
  s.slots.state[slot] = TRANSFERRING
  s.slots.flowShare[slot] = 0
  enterPhase(s.slots, slot, PHASE_TRANSFER, nowNs)
  pushTransfer(s, slot, nowNs + core.fabric.latencyNs)
  return true
}

/** Serves the next transfer event: a flow starts after its latency, or ends. */
export function serveTransfer(core: Core, nowNs: number): void {
  const s = core.state
  const slot = popTransfer(s)
  if (s.slots.flowShare[slot] === 0) startFlow(core, slot, nowNs)
  else endFlow(core, slot, nowNs)
}

function startFlow(core: Core, slot: number, nowNs: number): void {
  const s = core.state
  const { slots } = s
  const from = core.engines[s.engineOf[slots.source[slot]]]
  const to = core.engines[s.engineOf[slots.rank[slot]]]
  const kind = from.domain === to.domain ? 0 : 1
  const fromPort = 2 * slots.source[slot] + kind
  const toPort = 2 * (s.queueStart + slots.rank[slot]) + kind
  slots.fromPort[slot] = fromPort
  slots.toPort[slot] = toPort
  const tokens = slots.target[slot] - slots.shared[slot] * to.blockSize
  slots.flowBytes[slot] = tokens * Math.max(from.kvBytesPerToken, to.kvBytesPerToken)
  slots.flowSinceNs[slot] = nowNs
  pushTransfer(s, slot, nowNs)
  link(s, slots.fromNext, slots.fromPrevious, fromPort, slot)
  link(s, slots.toNext, slots.toPrevious, toPort, slot)
  share(core, fromPort, toPort, nowNs)
}

function endFlow(core: Core, slot: number, nowNs: number): void {
  const s = core.state
  const { slots } = s
  const fromPort = slots.fromPort[slot]
  const toPort = slots.toPort[slot]
  unlink(s, slots.fromNext, slots.fromPrevious, fromPort, slot)
  unlink(s, slots.toNext, slots.toPrevious, toPort, slot)
  share(core, fromPort, toPort, nowNs)
  const source = slots.source[slot]
  const g = slots.rank[slot]
  // its quiet steps so far used the blocks that are free now
  settleServed(core, s.engineOf[g])
  land(core, slot, nowNs)
  touch(core, s.engineOf[source])
  touch(core, s.engineOf[g])
}

/** The KV of a request has come to its rank, which it joins at the next step; the rank that it came from lets go of its blocks. */
export function land(core: Core, slot: number, nowNs: number): void {
  const s = core.state
  const { slots } = s
  const source = slots.source[slot]
  const g = slots.rank[slot]
  const engine = core.engines[s.engineOf[g]]
  giveBlocksOfRank(s, core.engines[s.engineOf[source]], source, slot, slots.held[slot], slots.sourceShared[slot])
  shareBlocks(s, engine, g, slot, slots.isl[slot])
  s.prefilledTokens[source] -= slots.done[slot]
  slots.held[slot] = 0
  slots.source[slot] = -1
  slots.state[slot] = ARRIVED
  enterPhase(slots, slot, PHASE_DECODE, nowNs)
  if (s.engineOf[source] === s.engineOf[g]) {
    s.moving[source] = 0
    s.moving[g] = 0
  } else if (core.firstAfterTransfer) {
    slots.firstTokenNs[slot] = nowNs
    slots.lastTokenNs[slot] = nowNs
  }
  slots.arrivedNext[slot] = -1
  if (s.arrivedHead[g] < 0) s.arrivedHead[g] = slot
  else slots.arrivedNext[s.arrivedTail[g]] = slot
  s.arrivedTail[g] = slot
}

/** Divides two ports anew among their flows. */
function share(core: Core, fromPort: number, toPort: number, nowNs: number): void {
  const s = core.state
  const { fromNext, toNext } = s.slots
  for (let flow = s.portHead[fromPort]; flow >= 0; flow = fromNext[flow]) reprice(core, flow, nowNs)
  for (let flow = s.portHead[toPort]; flow >= 0; flow = toNext[flow]) reprice(core, flow, nowNs)
}

/** Brings a flow up to date if its share has changed. */
function reprice(core: Core, flow: number, nowNs: number): void {
  const s = core.state
  const { fromPort, toPort, flowShare, flowBytes, flowSinceNs } = s.slots
  const fromFlows = s.portFlows[fromPort[flow]]
  const toFlows = s.portFlows[toPort[flow]]
  const portShare = fromFlows > toFlows ? fromFlows : toFlows
  const old = flowShare[flow]
  if (portShare === old) return
  const rate = fromPort[flow] % 2 === 0 ? core.fabric.nvlinkBytesPerNs : core.fabric.nicBytesPerNs
  if (old > 0) flowBytes[flow] = Math.max(0, flowBytes[flow] - ((nowNs - flowSinceNs[flow]) * rate) / old)
  flowSinceNs[flow] = nowNs
  flowShare[flow] = portShare
  moveTransfer(s, flow, nowNs + Math.ceil((flowBytes[flow] * portShare) / rate))
}

function link(s: State, next: Int32Array, previous: Int32Array, port: number, slot: number): void {
  const head = s.portHead[port]
  next[slot] = head
  previous[slot] = -1
  if (head >= 0) previous[head] = slot
  s.portHead[port] = slot
  s.portFlows[port]++
}

function unlink(s: State, next: Int32Array, previous: Int32Array, port: number, slot: number): void {
  const before = previous[slot]
  const after = next[slot]
  if (before < 0) s.portHead[port] = after
  else next[before] = after
  if (after >= 0) previous[after] = before
  s.portFlows[port]--
}

/** What has arrived at decode rank g since the last step begin joins the decoding set, and stays listed as fresh until this step ends. */
export function joinArrived(core: Core, e: number, g: number): void {
  const s = core.state
  const engine = core.engines[e]
  const { slots } = s
  s.freshHead[g] = s.arrivedHead[g]
  for (let slot = s.arrivedHead[g]; slot >= 0; slot = slots.arrivedNext[slot]) {
    s.incoming[g]--
    slots.segment[slot] = -1
    s.queuedTokens[g] -= slots.target[slot]
    insertDecoding(s, g, slot)
    joinDecode(s, e, engine, g, slot, slots.target[slot] + engine.draftTokens, slots.osl[slot] - slots.emitted[slot])
  }
  s.arrivedHead[g] = -1
  s.arrivedTail[g] = -1
}

/** The ports over which prefill hands KV to decode, from the constants of a system. */
import type { SystemSpec } from '../hardware/system.js'
import type { FabricConfig } from '../simulator/config.js'
import { NS_PER_S, NS_PER_US } from '../units.js'

/** From the decision to transfer a prompt's KV to its first byte, us; AIConfigurator's assumption inside a rack, trust C. */
const TRANSFER_LATENCY_US = 10

export const fabricOf = ({ nvlinkBytesPerS, nvlinkEfficiency, nicBytesPerS }: SystemSpec): FabricConfig => ({
  nvlinkBytesPerNs: (nvlinkBytesPerS.value * nvlinkEfficiency.value) / NS_PER_S,
  nicBytesPerNs: nicBytesPerS.value / NS_PER_S,
  latencyNs: TRANSFER_LATENCY_US * NS_PER_US,
})

/**
 * Units. Inside the simulator time is whole nanoseconds in a double (exact to 2^53 ns, 104 days) and step costs are
 * whole picoseconds. Everything else is converted at the edge, by the helpers below and nowhere else.
 */
/** From here on a double does not hold every whole ns: 104 days. */
export const LATEST_NS = 2 ** 53

export const NS_PER_US = 1e3
export const NS_PER_MS = 1e6
export const NS_PER_S = 1e9
export const PS_PER_NS = 1e3
export const PS_PER_US = 1e6
export const PS_PER_MS = 1e9
export const PS_PER_S = 1e12

export const nsToMs = (timeNs: number): number => timeNs / NS_PER_MS
export const nsToS = (timeNs: number): number => timeNs / NS_PER_S
export const msToNs = (timeMs: number): number => Math.round(timeMs * NS_PER_MS)
export const sToNs = (timeS: number): number => Math.round(timeS * NS_PER_S)

/** Six significant digits: more than any measurement has, and the same text everywhere. */
export const sixDigits = (value: number): number => Number(value.toPrecision(6))

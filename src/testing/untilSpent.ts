/** The property until it has failed and `limitMs` more of processor time are gone: then all passes, so that the search for a smaller counterexample ends. */
export function untilSpent<T>(limitMs: number, property: (value: T) => void): (value: T) => void {
  const spentMs = () => process.cpuUsage().user / 1e3
  let failedAtMs = Number.POSITIVE_INFINITY
  return (value) => {
    if (spentMs() - failedAtMs > limitMs) return
    try {
      property(value)
    } catch (error) {
      failedAtMs = Math.min(failedAtMs, spentMs())
      throw error
    }
  }
}

/** The property until it has failed and `limitMs` more of processor time are gone: then all passes, so that the search for a smaller counterexample ends. */
export function untilSpent<T>(limitMs: number, property: (value: T) => void): (value: T) => void {
  const spentMs = () => process.cpuUsage().user / 1e3
  let failedAtMs = Number.POSITIVE_INFINITY
  return (value) => {
    // the clock is asked only when it matters: it costs as much as a small property
    if (failedAtMs < Number.POSITIVE_INFINITY && spentMs() - failedAtMs > limitMs) return
    try {
      property(value)
    } catch (error) {
      failedAtMs = Math.min(failedAtMs, spentMs())
      throw error
    }
  }
}

/** Which cell is begun when, and which are left out: in order of importance, as long as the budget lasts. */

export interface ScheduleOptions<T> {
  readonly items: readonly T[]
  /** Items are run by so many at the same time. */
  readonly threads: number
  /** What an item is expected to cost, in any unit. */
  readonly cost: (item: T) => number
  /** Wall seconds; null = no end. */
  readonly budgetS: number | null
  readonly run: (item: T) => Promise<void>
  /** Any clock that never goes back, seconds. */
  readonly nowS: () => number
  readonly onDone?: (item: T, progress: ScheduleProgress) => void
}

export interface ScheduleProgress {
  readonly done: number
  readonly total: number
  /** Seconds until the end at the pace so far; null before there is one. */
  readonly restS: number | null
}

/**
 * Runs items in their order. One that would not end within the budget, at the pace measured so far, is left out; cheaper ones behind it may still fit. Resolves to
 * the items left out; rejects with the first failure, after which no item is begun.
 */
export async function runWithin<T>(options: ScheduleOptions<T>): Promise<T[]> {
  const { items, threads, cost, budgetS, run, nowS } = options
  const beganS = nowS()
  const dropped: T[] = []
  let next = 0
  let done = 0
  let spentS = 0
  let spentCost = 0
  let restCost = items.reduce((sum, item) => sum + cost(item), 0)
  let failed = false
  /** Wall seconds of one unit of cost in one thread. */
  const pace = (): number | null => (spentCost > 0 ? spentS / spentCost : null)
  const fits = (item: T): boolean => {
    if (budgetS === null) return true
    const leftS = budgetS - (nowS() - beganS)
    return leftS > 0 && (pace() ?? 0) * cost(item) <= leftS
  }
  const workOff = async (): Promise<void> => {
    while (next < items.length && !failed) {
      const item = items[next++]
      if (!fits(item)) {
        dropped.push(item)
        restCost -= cost(item)
        continue
      }
      const startedS = nowS()
      try {
        await run(item)
      } catch (error) {
        failed = true
        throw error
      }
      spentS += nowS() - startedS
      spentCost += cost(item)
      restCost -= cost(item)
      done++
      const secondsPerCost = pace()
      options.onDone?.(item, {
        done,
        total: items.length - dropped.length,
        restS: secondsPerCost === null ? null : (secondsPerCost * restCost) / threads,
      })
    }
  }
  await Promise.all(Array.from({ length: threads }, workOff))
  return dropped
}

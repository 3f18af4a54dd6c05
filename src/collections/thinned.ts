/** Looks at regular turns, at most twice LENGTH of them: whenever there are as many, every other one is left out and half as many are taken. */
export interface Thinned<T> {
  /** A turn has passed; takes a sample when it is due. */
  turn(): void
  /** Ascending in time. */
  readonly samples: readonly T[]
}

const LENGTH = 256

export function createThinned<T>(sample: () => T): Thinned<T> {
  let samples: T[] = []
  let every = 1
  let turns = 0
  return {
    turn() {
      if (turns++ % every !== 0) return
      samples.push(sample())
      if (samples.length < 2 * LENGTH) return
      samples = samples.filter((_, index) => index % 2 === 0)
      every *= 2
    },
    get samples() {
      return samples
    },
  }
}

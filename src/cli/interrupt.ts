/** Ctrl-C: the first asks the work to stop at the next safe point, the second ends the process at once. */
export class Interrupted extends Error {
  /** A clause that says what is left on disk. */
  readonly onDisk: string
  constructor(onDisk: string) {
    super('interrupted')
    this.name = 'Interrupted'
    this.onDisk = onDisk
  }
}

export const NOTHING_WRITTEN = 'nothing was written'

/** A signal that is aborted by SIGINT or SIGTERM. Listens until the process ends. */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController()
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(130)
    process.stderr.write('\nshapewise: stopping (again: stop at once)\n')
    controller.abort(new Interrupted(NOTHING_WRITTEN))
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  return controller.signal
}

/** Work that fails because of the interruption is reported as the interruption, whatever it threw. */
export async function unlessInterrupted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    const value = await work()
    if (signal.aborted) throw new Interrupted(NOTHING_WRITTEN)
    return value
  } catch (error) {
    if (signal.aborted) throw new Interrupted(NOTHING_WRITTEN)
    throw error
  }
}

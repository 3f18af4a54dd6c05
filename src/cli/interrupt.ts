import { EXIT_INTERRUPTED } from './exitCodes.js'

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

/** What asks a command to stop: Ctrl-C, a scheduler, a terminal that closes. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** A signal that is aborted by those of `SIGNALS`. Listens until the process ends. */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController()
  const onSignal = (): void => {
    if (controller.signal.aborted) {
      process.stderr.write('shapewise: stopped\n')
      process.exit(EXIT_INTERRUPTED)
    }
    process.stderr.write('\nshapewise: stopping (again: stop at once)\n')
    controller.abort(new Interrupted(NOTHING_WRITTEN))
  }
  for (const name of SIGNALS) process.on(name, onSignal)
  return controller.signal
}

/**
 * Ctrl-C while a file is written ends the process in a way that lets the half of it be removed. Outside of `write` nobody listens in the
 * commands that use this: what they compute in one piece could not hear a listener, and the signal ends them by itself.
 */
export async function whileWriting<T>(path: string, write: () => Promise<T>): Promise<T> {
  const end = (): void => {
    process.stderr.write(`\nshapewise: interrupted; ${path} was not written\n`)
    process.exit(EXIT_INTERRUPTED)
  }
  for (const signal of SIGNALS) process.on(signal, end)
  try {
    return await write()
  } finally {
    for (const signal of SIGNALS) process.off(signal, end)
  }
}

/** Work that fails because of the interruption is reported as the interruption, whatever it threw. */
export async function unlessInterrupted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  let value: T
  try {
    value = await work()
  } catch (error) {
    if (signal.aborted) throw new Interrupted(NOTHING_WRITTEN)
    throw error
  }
  // work that hears the signal throws
  if (signal.aborted) throw new Interrupted('too late: all that was asked for is written')
  return value
}

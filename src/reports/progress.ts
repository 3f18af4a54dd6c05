/** Progress on stderr: a bar on a terminal, otherwise one plain line every few seconds; silent when asked. */
import { SingleBar } from 'cli-progress'

export interface ProgressUpdate {
  readonly done: number
  readonly total: number
  /** Simulated seconds so far in this stage, all runs together. */
  readonly simulatedS?: number
}

export interface Progress {
  /** Begins a stage, ending the one before it. */
  stage(name: string, total: number): void
  update(progress: ProgressUpdate): void
  /** Ends the last stage. Safe to call twice. */
  stop(): void
}

export interface ProgressOptions {
  readonly quiet?: boolean
  /** Where to write. Default: process.stderr. */
  readonly stream?: NodeJS.WritableStream & { readonly isTTY?: boolean }
  /** Least time between plain lines, ms. Default: 5000. */
  readonly intervalMs?: number
  /** Wall clock, ms. Default: Date.now. */
  readonly now?: () => number
}

const SILENT: Progress = { stage: () => {}, update: () => {}, stop: () => {} }

export function createProgress(options: ProgressOptions = {}): Progress {
  if (options.quiet) return SILENT
  const stream = options.stream ?? process.stderr
  return stream.isTTY ? bars(stream, options) : lines(stream, options)
}

/** Seconds as 8 s, 3 min 20 s. */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds)
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`
}

/** ETA and simulated/wall ratio of a stage that began `wallS` seconds ago. */
function tail(progress: ProgressUpdate, wallS: number): string {
  const parts: string[] = []
  if (progress.done > 0 && progress.done < progress.total)
    parts.push(`ETA ${duration((wallS * (progress.total - progress.done)) / progress.done)}`)
  if (progress.simulatedS && wallS > 0)
    parts.push(`${Math.round(progress.simulatedS / wallS).toLocaleString('en-US')} simulated s per s`)
  return parts.join(' · ')
}

function bars(stream: NodeJS.WritableStream, { now = Date.now }: ProgressOptions): Progress {
  let bar: SingleBar | null = null
  let begun = 0
  const stop = () => {
    bar?.stop()
    bar = null
  }
  return {
    stage(name, total) {
      stop()
      begun = now()
      bar = new SingleBar({
        stream,
        format: `${name.padEnd(18)} {bar} {value}/{total}  {tail}`,
        barsize: 30,
        hideCursor: true,
        clearOnComplete: false,
      })
      bar.start(total, 0, { tail: '' })
    },
    update(progress) {
      bar?.setTotal(progress.total)
      bar?.update(progress.done, { tail: tail(progress, (now() - begun) / 1000) })
    },
    stop,
  }
}

function lines(stream: NodeJS.WritableStream, { now = Date.now, intervalMs = 5000 }: ProgressOptions): Progress {
  let name = ''
  let begun = now()
  let written = now()
  return {
    stage(next) {
      name = next
      begun = now()
    },
    update(progress) {
      if (now() - written < intervalMs) return
      written = now()
      const rest = tail(progress, (written - begun) / 1000)
      stream.write(`${name}: ${progress.done}/${progress.total}${rest ? ` · ${rest}` : ''}\n`)
    },
    stop: () => {},
  }
}

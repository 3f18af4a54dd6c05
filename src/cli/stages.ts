/** Progress of work in stages. */
import type { Progress, ProgressUpdate } from '../reports/progress.js'

/** Shows what it is told; a stage begins whenever the name changes. */
export function showStages(progress: Progress): (update: ProgressUpdate & { readonly stage: string }) => void {
  let current = ''
  return (update) => {
    if (update.stage !== current) progress.stage(update.stage, update.total)
    current = update.stage
    progress.update(update)
  }
}

/** Jobs in this very thread, one after another; gives way to the event loop between jobs so that Ctrl-C is heard. */
import { runJob } from '../experiments/job.js'
import type { Executor, ExecutorOptions } from './executor.js'
import { errorOf, failureOf } from './failure.js'

export function inlineExecutor({ context, signal }: ExecutorOptions): Executor {
  return {
    async run(jobs, onDone) {
      const outcomes = []
      for (const job of jobs) {
        signal?.throwIfAborted()
        try {
          outcomes.push(runJob(context, job))
        } catch (error) {
          throw errorOf(failureOf(error), job)
        }
        onDone?.(outcomes[outcomes.length - 1])
        await new Promise<void>((resume) => setImmediate(resume))
      }
      signal?.throwIfAborted()
      return outcomes
    },
    close: async () => {},
  }
}

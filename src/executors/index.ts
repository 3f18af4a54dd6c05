/** Jobs to outcomes. One thread runs inline; the outcomes do not depend on the number of threads. */
import type { Executor, ExecutorOptions } from './executor.js'
import { inlineExecutor } from './inline.js'
import { threadExecutor } from './threads.js'

export type { Executor, ExecutorOptions } from './executor.js'

export function createExecutor(options: ExecutorOptions): Executor {
  return options.threads <= 1 ? inlineExecutor(options) : threadExecutor(options)
}

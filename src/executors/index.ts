/** Jobs to outcomes. One thread runs inline; the outcomes do not depend on the number of threads. */
import { policyFiles } from '../policies/index.js'
import type { Executor, ExecutorOptions } from './executor.js'
import { inlineExecutor } from './inline.js'
import { threadExecutor } from './threads.js'

export type { Executor } from './executor.js'

export function createExecutor(options: ExecutorOptions): Executor {
  // a policy of the user's is watched from outside its thread
  return options.threads <= 1 && policyFiles().length === 0 ? inlineExecutor(options) : threadExecutor(options)
}

/**
 * A policy file is tried in a process of its own before this one loads it: a thread can be given a limit of memory and be outlived, but the process
 * that reads scenarios and prints results would be ended by the engine, without a word of which file did it.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { isMainThread } from 'node:worker_threads'
import { UserError } from '../errors.js'
import type { PolicyFile } from './file.js'
import { LOAD_LIMIT_MS } from './sandbox.js'
import { aboutFile } from './sentence.js'

/** Heap in which a file must load and make a policy, MiB. */
const HEAP_MB = 256
/** Loading and making are ended after LOAD_LIMIT_MS each, from within; this is for what cannot be ended so. */
const TRIAL_LIMIT_MS = 3 * LOAD_LIMIT_MS

const TRIAL = fileURLToPath(new URL('./trialProcess.js', import.meta.url))

/**
 * Throws UserError, naming `where`, when the process that loads the file dies of it. Any other fault is told when the file is loaded here. Threads
 * have limits of their own. (A test runner that executes the source finds no such process, and tries nothing.)
 */
export function tryElsewhere({ path, text }: PolicyFile, where: string): void {
  if (!isMainThread || !existsSync(TRIAL)) return
  const { signal, error } = spawnSync(process.execPath, [`--max-old-space-size=${HEAP_MB}`, TRIAL, path], {
    input: text,
    stdio: ['pipe', 'ignore', 'ignore'],
    timeout: TRIAL_LIMIT_MS,
  })
  // Ctrl-C reaches both processes, and this one answers it
  if (signal === null || signal === 'SIGINT') return
  const late = (error as NodeJS.ErrnoException | undefined)?.code === 'ETIMEDOUT'
  throw new UserError({
    where,
    message: late
      ? aboutFile(path, where, ` was not loaded within ${TRIAL_LIMIT_MS / 1e3} s`)
      : aboutFile(path, where, ` fills more than ${HEAP_MB} MiB of memory while it is loaded or makes a policy`),
    hint: late ? 'look for an endless loop' : 'keep what a policy remembers in arrays of fixed length',
  })
}

/** Python scripts of this project, which need no package where tests run them. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Runs python3 in a folder of `scripts`. */
export const pythonIn =
  (folder: string) =>
  (args: readonly string[], input = '') =>
    spawnSync('python3', args, {
      cwd: fileURLToPath(new URL(`../scripts/${folder}/`, import.meta.url)),
      input,
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
    })

/** Whether there is a python3; says what is skipped where there is none. */
export function hasPython(folder: string): boolean {
  const present = pythonIn(folder)(['--version']).status === 0
  if (!present) console.warn(`skipped: no python3, so scripts/${folder} is not looked at`)
  return present
}

/** Has Python compile files of a folder of `scripts`; what it says against them. */
export function compiled(folder: string, files: readonly string[]) {
  const { status, stderr } = pythonIn(folder)(['-c', `[compile(open(f).read(), f, 'exec') for f in ${JSON.stringify(files)}]`])
  return { status, stderr }
}

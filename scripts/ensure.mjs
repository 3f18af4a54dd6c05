/**
 * Makes the checkout runnable: installs dependencies when node_modules is missing or older than the lock file, compiles and
 * packs when dist is missing, incomplete or older than a source file. Plain Node, no dependency. Says nothing when there is nothing to do.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bin, compilationHash, lastPacking, STAMP } from './packed.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const at = (...parts) => join(root, ...parts)
const mtimeMs = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0)

/** Newest modification under a folder, ms since the epoch; folders count too, so that a deleted file is noticed. */
function newestMs(folder) {
  let newest = mtimeMs(folder)
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    newest = Math.max(newest, entry.isDirectory() ? newestMs(path) : mtimeMs(path))
  }
  return newest
}

function work(what, command, args) {
  process.stderr.write(`shapewise: ${what} (${[command, ...args].join(' ')}) …\n`)
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' })
  if (result.status === 0) return
  process.stderr.write(`${result.stdout ?? ''}${result.stderr ?? ''}${result.error ? `${result.error.message}\n` : ''}`)
  process.stderr.write(`shapewise: ${what} failed; mend the above and run the same command again\n`)
  process.exit(1)
}

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`shapewise: Node ${process.versions.node} is too old, 20.19 or newer is needed\n`)
  process.exit(1)
}
if (mtimeMs(at('node_modules', '.package-lock.json')) < mtimeMs(at('package-lock.json'))) {
  work('installing dependencies', 'npm', ['ci', '--no-audit', '--no-fund'])
}
const stamp = join(bin, STAMP)
function isBuilt() {
  const compiled = compilationHash()
  if (compiled === null || lastPacking()?.compiled !== compiled) return false
  const scripts = ['bundle.mjs', 'packed.mjs'].map((name) => join('scripts', name))
  const named = ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json', ...scripts]
  return mtimeMs(stamp) >= Math.max(newestMs(at('src')), ...named.map((name) => mtimeMs(at(name))))
}
if (!isBuilt()) {
  const began = new Date()
  rmSync(at('dist', '.tsbuildinfo'), { force: true })
  work('compiling', process.execPath, [at('node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.build.json'])
  work('packing', process.execPath, [at('scripts', 'bundle.mjs')])
  // a source that is written meanwhile is newer
  utimesSync(stamp, began, began)
}

/**
 * Packs the compiled command line, its worker threads and the libraries they need into few files, dist/bin: a command then opens some ten files
 * where it opened four hundred, a fifth to a third of the time of a short run. dist itself stays as it is, for `import 'shapewise'`.
 */
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'rolldown'

const dist = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist')
const bin = join(dist, 'bin')

/** What is started by its path, by the name it gets in dist/bin. */
const ENTRIES = {
  shapewise: 'cli/main.js',
  worker: 'executors/worker.js',
  cellWorker: 'executors/cellWorker.js',
  rowWorker: 'validation/worker.js',
  runThread: 'cli/runThread.js',
  checkThread: 'cli/checkThread.js',
  trialProcess: 'policies/trialProcess.js',
}
/** Libraries that find their own files by where they lie. */
const LEFT_OUT = ['piscina', 'sucrase']

const entryAt = new Map(Object.entries(ENTRIES).map(([name, path]) => [join(dist, path), name]))

/** A packed module lies in dist/bin: it finds other packed modules beside it, and all else from where it was. */
const relocate = {
  name: 'relocate',
  transform(code, id) {
    if (!id.startsWith(dist) || !code.includes('import.meta.url')) return null
    const home = `new URL('../${relative(dist, id).replaceAll('\\', '/')}', import.meta.url).href`
    const moved = code.replaceAll(/new URL\('([^']+)', import\.meta\.url\)|import\.meta\.url/g, (found, path) => {
      const name = path === undefined ? undefined : entryAt.get(join(dirname(id), path))
      return name === undefined ? found.replace('import.meta.url', home) : `new URL('./${name}.js', import.meta.url)`
    })
    return { code: moved, map: null }
  },
}

rmSync(bin, { recursive: true, force: true })
const { output } = await build({
  input: Object.fromEntries([...entryAt].map(([path, name]) => [name, path])),
  platform: 'node',
  external: LEFT_OUT,
  plugins: [relocate],
  output: { dir: bin, format: 'esm', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
})

/** Packed libraries bring their licences. */
const PACKAGE = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/
const folders = new Set(
  output.flatMap(({ moduleIds = [] }) => moduleIds.flatMap((id) => PACKAGE.exec(id.replaceAll('\\', '/')) ?? [])),
)
/** The text of a licence: a file of its own, or what the readme has from the line on that begins with the word. */
function licenceIn(folder) {
  const names = readdirSync(folder)
  const own = names.find((name) => /^licen[cs]e/i.test(name))
  if (own !== undefined) return readFileSync(join(folder, own), 'utf8')
  const readme = names.find((name) => /^readme/i.test(name))
  const text = readme === undefined ? undefined : /^\W*licen[cs]e[\s\S]*/im.exec(readFileSync(join(folder, readme), 'utf8'))?.[0]
  if (text === undefined) throw new Error(`${folder} has no licence to pack with it`)
  return text
}
const licences = [...folders].sort().map((folder) => {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return `${name} ${version} (${license})\n\n${licenceIn(folder).trim()}\n`
})
writeFileSync(join(bin, 'LICENCES.txt'), licences.join(`\n${'-'.repeat(80)}\n\n`))

const command = join(bin, 'shapewise.js')
if (!existsSync(command)) throw new Error(`${command} was not written`)
// npx runs the file itself
chmodSync(command, 0o755)

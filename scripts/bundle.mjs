/**
 * Packs the compiled command line, its worker threads and the libraries they need into few files, dist/bin: a command then opens a quarter of
 * the files, and starts in two thirds to half of the time (docs/decisions/0015-packed-command.md). dist itself stays as it is, for
 * `import 'shapewise'`. dist/bin/packed.json is the last file of a complete packing.
 */
import { chmodSync, copyFileSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { build } from 'rolldown'
import { bin, compilationHash, dist, lastPacking, STAMP } from './packed.mjs'

/** Where it is packed, and where the last packing waits to be deleted: what stands in dist/bin is complete. */
const next = join(dist, 'bin.next')
const last = join(dist, 'bin.last')

/** What is started by its path, by the name it gets in dist/bin. */
const ENTRIES = {
  shapewise: 'cli/main.js',
  worker: 'executors/worker.js',
  cellWorker: 'executors/cellWorker.js',
  rowWorker: 'validation/worker.js',
  runThread: 'cli/run/runThread.js',
  checkThread: 'cli/policies/checkThread.js',
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

for (const folder of [next, last]) rmSync(folder, { recursive: true, force: true })
const { output } = await build({
  input: Object.fromEntries([...entryAt].map(([path, name]) => [name, path])),
  platform: 'node',
  external: LEFT_OUT,
  plugins: [relocate],
  output: { dir: next, format: 'esm', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
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
writeFileSync(join(next, 'LICENCES.txt'), licences.join(`\n${'-'.repeat(80)}\n\n`))
// npx runs the file itself: this one, or the unpacked one where it linked the checkout before there was a packing (it never links anew)
for (const file of [join(next, 'shapewise.js'), join(dist, ENTRIES.shapewise)]) chmodSync(file, 0o755)

// a command that is running loads some files late: those of the packing before stay for as long as this one
const files = output.map(({ fileName }) => fileName)
for (const name of lastPacking()?.files ?? []) if (!files.includes(name)) copyFileSync(join(bin, name), join(next, name))
writeFileSync(join(next, STAMP), JSON.stringify({ compiled: compilationHash(), files }))

if (existsSync(bin)) renameSync(bin, last)
renameSync(next, bin)
rmSync(last, { recursive: true, force: true })

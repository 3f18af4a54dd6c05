/** `npm run build:traces`: draws the shipped look-alikes anew and writes traces/*.swt.gz. The same bytes come out on every machine. */
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { buildPreset } from '../generate/presets.js'
import { SHIPPED } from '../presetNames.js'
import { writeTrace } from '../write/index.js'

if (process.argv.length > 2) {
  process.stderr.write('npm run build:traces takes no options\n')
  process.exit(2)
}
const folder = fileURLToPath(new URL('../../../traces/', import.meta.url))
mkdirSync(folder, { recursive: true })
for (const name of SHIPPED) {
  const workload = buildPreset(name)
  await writeTrace(`${folder}${name}.swt.gz`, workload)
  process.stdout.write(`${name}: ${workload.count} requests\n`)
}

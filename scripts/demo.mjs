/** `npm run demo`: compares the arms of scenarios/demo.yaml, prints the table, and ends with the path of the report. */
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const result = spawnSync(
  process.execPath,
  [join(root, 'dist/bin/shapewise.js'), 'compare', 'scenarios/demo.yaml', '--effort', 'quick', ...process.argv.slice(2)],
  {
    cwd: root,
    stdio: 'inherit',
  },
)
process.exit(result.status ?? 130)

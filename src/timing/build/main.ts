/** `npm run build:timing [-- --kernels DIR]`: writes data/timing/<system>.bin. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { UserError } from '../../errors.js'
import { MEASURED_SYSTEMS } from '../../hardware/system.js'
import { makeTables, openSystems } from './make.js'

const ROOT = new URL('../../../', import.meta.url)

try {
  const { values } = parseArgs({ options: { kernels: { type: 'string' } } })
  const systems = openSystems(values.kernels ?? fileURLToPath(new URL('../shared/data/kernels/', ROOT)))
  mkdirSync(new URL('data/timing/', ROOT), { recursive: true })
  for (const system of MEASURED_SYSTEMS) {
    const file = makeTables(system, systems)
    writeFileSync(new URL(`data/timing/${system}.bin`, ROOT), file)
    process.stderr.write(`data/timing/${system}.bin  ${file.length} bytes\n`)
  }
} catch (error) {
  const isUserMistake = error instanceof UserError || (error instanceof TypeError && 'code' in error)
  process.stderr.write(`${error instanceof Error ? (isUserMistake ? error.message : error.stack) : error}\n`)
  process.exitCode = isUserMistake ? 2 : 1
}

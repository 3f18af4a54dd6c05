/**
 * `npm run check:policies [-- --runs N --lever L --seed S]`: every shipped policy against N generated scenarios (default 10,000), one line each.
 * Exit code 1 when one breaks a law. For the night: 10,000 scenarios of one policy take minutes.
 */
import { parseArgs } from 'node:util'
import { POLICIES } from '../dist/index.js'
import { findFault } from '../dist/testing.js'

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '10000' }, lever: { type: 'string' }, seed: { type: 'string', default: '1' } },
})
const chosen = POLICIES.filter(({ lever }) => values.lever === undefined || lever === values.lever)
for (const { lever, name } of chosen) {
  const startedMs = performance.now()
  const fault = findFault(name, { lever, runs: Number(values.runs), seed: Number(values.seed) })
  const seconds = ((performance.now() - startedMs) / 1e3).toFixed(1)
  process.stdout.write(
    `${lever} ${name}: ${fault === null ? `${values.runs} scenarios, no fault` : fault.faults.join('; ')} (${seconds} s)\n`,
  )
  if (fault === null) continue
  for (const file of fault.files) process.stdout.write(`--- ${file.name}\n${file.text}`)
  process.exitCode = 1
}

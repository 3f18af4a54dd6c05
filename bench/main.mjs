/**
 * `npm run bench`: simulated requests, tokens and events a second of wall time, shape by shape, each in a fresh process. The timing
 * covers simulation and summary, not reading the trace.
 */
import { spawnSync } from 'node:child_process'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { optionsOf } from '../scripts/options.mjs'
import { SHAPES } from './shapes.mjs'

const USAGE = `npm run bench [-- --format table|json --smoke --only NAME]

Simulated requests, tokens and events a second of wall time. --smoke: small sizes.
Shapes:
${SHAPES.map(({ name, about }) => `  ${name.padEnd(14)} ${about}`).join('\n')}`

const values = optionsOf(USAGE, {
  format: { type: 'string', default: 'table' },
  smoke: { type: 'boolean', default: false },
  only: { type: 'string' },
})
if (!['table', 'json'].includes(values.format)) {
  process.stderr.write(`--format  expected table or json, got '${values.format}'\n`)
  process.exit(2)
}
const chosen = SHAPES.filter(({ name }) => values.only === undefined || name === values.only)
if (chosen.length === 0) {
  process.stderr.write(`--only  no shape '${values.only}': ${SHAPES.map(({ name }) => name).join(', ')}\n`)
  process.exit(2)
}

const script = fileURLToPath(new URL('./shape.mjs', import.meta.url))
const results = chosen.map(({ name }) => {
  process.stderr.write(`bench: ${name} …\n`)
  const child = spawnSync(process.execPath, [script, name, ...(values.smoke ? ['--smoke'] : [])], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (child.status !== 0) process.exit(1)
  return JSON.parse(child.stdout)
})

if (values.format === 'json')
  process.stdout.write(
    `${JSON.stringify({ node: process.version, cpu: cpus()[0]?.model ?? 'unknown', shapes: results }, null, 2)}\n`,
  )
else {
  const keys = ['name', 'requests', 'requests_per_s', 'output_tokens_per_s', 'events_per_s', 'mean_batch', 'peak_rss_mb', 'hash']
  const rows = [
    keys,
    ...results.map((result) =>
      keys.map((key) => String(typeof result[key] === 'number' ? Math.round(result[key] * 10) / 10 : result[key])),
    ),
  ]
  const widths = keys.map((_, i) => Math.max(...rows.map((row) => row[i].length)))
  for (const row of rows) process.stdout.write(`${row.map((cell, i) => cell.padStart(widths[i])).join('  ')}\n`)
}

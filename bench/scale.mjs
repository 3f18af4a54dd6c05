/** `npm run bench:scale`: a large trace of its own drawing is written, read, simulated and summarised by `shapewise run` in one process. */
import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stream } from '../dist/rng.js'
import { optionsOf } from '../scripts/options.mjs'

const USAGE = `npm run bench:scale [-- --requests N --out FOLDER --no-requests]

Wall time and peak memory of \`shapewise run\` on a drawn trace of N rows (default ten million),
as one line of JSON. --no-requests leaves out requests.parquet.`

const values = optionsOf(USAGE, {
  requests: { type: 'string', default: '10000000' },
  out: { type: 'string' },
  'no-requests': { type: 'boolean', default: false },
})
const requests = Number(values.requests)
if (!Number.isInteger(requests) || requests < 1) {
  process.stderr.write(`--requests  expected a whole number above 0, got '${values.requests}'\n`)
  process.exit(2)
}

/** 88 requests a second, Poisson; lognormal lengths of chat's size: what sixteen engines of the default scenario serve at ease. */
function writeTrace(path) {
  const file = openSync(path, 'w')
  const arrivals = stream(1, 'scale/arrivals')
  const lengths = stream(1, 'scale/lengths')
  let timeS = 0
  let piece = 'arrival_s,input_tokens,output_tokens\n'
  for (let i = 0; i < requests; i++) {
    timeS += arrivals.exponential() / 88
    const isl = 1 + Math.min(8000, Math.floor(Math.exp(6.7 + 0.9 * lengths.normal())))
    const osl = 1 + Math.min(1000, Math.floor(Math.exp(5 + 0.8 * lengths.normal())))
    piece += `${timeS.toFixed(6)},${isl},${osl}\n`
    if (piece.length > 1 << 20) {
      writeSync(file, piece)
      piece = ''
    }
  }
  writeSync(file, piece)
  closeSync(file)
}

const folder = mkdtempSync(join(tmpdir(), 'shapewise-scale-'))
try {
  const trace = join(folder, 'trace.csv')
  process.stderr.write(`scale: drawing ${requests} requests …\n`)
  writeTrace(trace)
  process.stderr.write('scale: running …\n')
  const cli = fileURLToPath(new URL('../dist/bin/shapewise.js', import.meta.url))
  const began = performance.now()
  const args = ['run', trace, '--out', values.out ?? join(folder, 'run'), '--format', 'json', '--quiet', '--overwrite']
  const child = spawnSync(
    process.execPath,
    [
      '--import',
      fileURLToPath(new URL('./peakMemory.mjs', import.meta.url)),
      cli,
      ...args,
      ...(values['no-requests'] ? ['--no-requests'] : []),
    ],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  if (child.status !== 0) {
    process.stderr.write(child.stderr)
    process.exit(1)
  }
  const wallS = (performance.now() - began) / 1000
  const { summary } = JSON.parse(child.stdout)
  const peakRssMb = Number(/peak_rss_mb=(\d+)/.exec(child.stderr)?.[1])
  process.stdout.write(
    `${JSON.stringify({ requests, wall_s: Math.round(wallS * 10) / 10, peak_rss_mb: peakRssMb, completed: summary.requests.completed, quantiles: summary.quantiles })}\n`,
  )
} finally {
  rmSync(folder, { recursive: true, force: true })
}

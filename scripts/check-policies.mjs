/** `npm run check:policies`: every shipped policy against generated scenarios, one line each. */
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { findFault, SHIPPED } from '../dist/testing.js'
import { optionsOf } from './options.mjs'

const USAGE = `npm run check:policies [-- --runs N --oracle-runs N --lever L --seed S --threads T]

Every shipped policy against N generated scenarios (default 10,000), one line each. Exit code 1 when
one breaks a law. For the night: 10,000 scenarios of one policy take a minute or several. Oracles
search for as long as they like and compete with nobody: they get fewer (default: a twentieth).`

/** A thread checks the policies that it is sent, one after the other. */
function serve() {
  parentPort.on('message', ({ lever, policy, runs, seed }) => {
    const startedMs = performance.now()
    const fault = findFault(policy, { lever, runs, seed })
    parentPort.postMessage({ lever, policy, runs, fault, seconds: (performance.now() - startedMs) / 1e3 })
  })
}

function tell({ lever, policy, runs, fault, seconds }) {
  const found = fault === null ? `${runs} scenarios, no fault` : fault.faults.join('; ')
  process.stdout.write(`${lever} ${policy}: ${found} (${seconds.toFixed(1)} s)\n`)
  if (fault === null) return
  for (const file of fault.files) process.stdout.write(`--- ${file.name}\n${file.text}`)
  process.exitCode = 1
}

function main() {
  const text = (value) => ({ type: 'string', default: value })
  const values = optionsOf(USAGE, {
    runs: text('10000'),
    'oracle-runs': { type: 'string' },
    lever: { type: 'string' },
    seed: text('1'),
    threads: text(String(availableParallelism())),
  })
  const whole = (name, value) => {
    if (/^[1-9]\d*$/.test(value)) return Number(value)
    process.stderr.write(`--${name}: expected a whole number >= 1, got ${value}\n`)
    process.exit(2)
  }
  const runs = whole('runs', values.runs)
  const oracleRuns = whole('oracle-runs', values['oracle-runs'] ?? String(Math.ceil(runs / 20)))
  const seed = whole('seed', values.seed)
  const queue = SHIPPED.filter(({ lever }) => values.lever === undefined || lever === values.lever)
  if (queue.length === 0) {
    process.stderr.write(`--lever: no shipped policy of '${values.lever}'\n`)
    process.exit(2)
  }
  const next = (worker) => {
    const shipped = queue.shift()
    if (shipped === undefined) return worker.terminate()
    const { lever, policy, oracle } = shipped
    worker.postMessage({ lever, policy, runs: oracle ? oracleRuns : runs, seed })
  }
  for (let i = Math.min(whole('threads', values.threads), queue.length); i > 0; i--) {
    const worker = new Worker(fileURLToPath(import.meta.url))
    worker.on('message', (answer) => {
      tell(answer)
      next(worker)
    })
    next(worker)
  }
}

if (isMainThread) main()
else serve()

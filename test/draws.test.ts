/** What policies draw by chance: other numbers in every draw of traffic, the same for every arm of one. */
import { describe, expect, test } from 'vitest'
import { type Draw, FIRST_DRAW } from '../src/experiments/draw.js'
import { type Job, openTraffic, runJob } from '../src/experiments/job.js'
import { createArm, STATIC_ARM } from '../src/levers/catalogue.js'
import { simulate } from '../src/simulator/index.js'
import { newFolder, put, shapewise } from './cliRunner.js'
import { tinyContext, tinyWorkload } from './tinyCluster.js'

const SETS = ['engines.0.enable_prefix_caching=true']
const DRAWN = { ...STATIC_ARM, name: 'drawn', pool: 'kv-aware(w=1,temperature=1)' }
const openJob = (draw: Draw, arm = DRAWN) =>
  ({ kind: 'open', arm, draw, ratePerS: 4, warmupS: 5, measureS: 30, tailS: 5, e2eS: 1, keep: 'picture' }) as const
const closedJob = (draw: Draw): Job => ({
  ...{ kind: 'closed', arm: DRAWN, draw, concurrency: 8, warmupRequests: 20, requests: 60, keep: 'picture' },
})

describe('a job', () => {
  const context = tinyContext(SETS)
  const enginesOf = (job: Job, seed = context.seed) => [...(runJob({ ...context, seed }, job).picture?.records.engine ?? [])]

  test('LAW-14: draws by the seed of the experiment, the part of the trace and the replicate', () => {
    const replicate = { ...FIRST_DRAW, replicate: 3 }
    const job = openJob(replicate)
    const { workload } = openTraffic(context, job)
    const by = (run: string) => {
      const { records } = simulate(context.config, createArm(DRAWN, run), workload, { load: { kind: 'open' } })
      return [...records.engine.subarray(0, records.count)]
    }
    expect(enginesOf(job).slice(0, workload.count)).toEqual(by('1/test/draw/3'))
    for (const other of ['1/test/draw/0', '2/test/draw/3', '1/train/draw/3']) expect(by(other)).not.toEqual(by('1/test/draw/3'))
  })

  test('of a closed loop does so too, and the same in the run that finds the window and in the one that is measured', () => {
    // equal requests: nothing else differs between draws of traffic
    const equal = tinyContext(SETS, tinyWorkload(600, { isl: 200, osl: 20 }))
    const drawn = (seed: number, replicate: number) => {
      const { picture } = runJob({ ...equal, seed }, closedJob({ ...FIRST_DRAW, replicate }))
      return [...(picture?.records.engine ?? [])]
    }
    expect(drawn(1, 0)).toEqual(drawn(1, 0))
    for (const other of [drawn(1, 1), drawn(2, 0)]) expect(other).not.toEqual(drawn(1, 0))
  })
})

test('run: --seed draws anew what a policy draws, and changes nothing where none does', () => {
  const folder = newFolder()
  const rows = Array.from({ length: 60 }, (_, i) => `${i / 200},${100 + 40 * (i % 7)},${10 + (i % 11)}`)
  const trace = put(folder, 't.csv', ['arrival_s,input_tokens,output_tokens', ...rows, ''].join('\n'))
  const scenario = [
    'system: gb200',
    'model: deepseek-r1',
    'engines: [{ layout: DEP8, count: 1, max_num_seqs: 16, max_model_len: 4096 }]',
    `workload: { path: ${trace}, load: { method: as_recorded } }`,
  ]
  put(folder, 's.yaml', `${scenario.join('\n')}\n`)
  const summaryOf = (...more: string[]) => {
    const { stdout, stderr } = shapewise(folder, 'run', 's.yaml', '--format', 'json', '--quiet', ...more)
    expect(stderr).toBe('')
    return JSON.parse(stdout).summary
  }
  const drawn = ['--arm', 'drawn=rank:random', '--seed']
  expect(summaryOf(...drawn, '7')).toEqual(summaryOf(...drawn, '7'))
  expect(summaryOf(...drawn, '8')).not.toEqual(summaryOf(...drawn, '7'))
  expect(summaryOf('--seed', '8')).toEqual(summaryOf('--seed', '7'))
})

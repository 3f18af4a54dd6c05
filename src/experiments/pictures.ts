/** What the report draws beyond numbers: frontier, gain over shapes. */
import { median } from 'simple-statistics'
import type { Executor } from '../executors/index.js'
import type { ArmSpec } from '../levers/lever.js'
import { COMPLETED, type Records } from '../metrics/records.js'
import { NS_PER_S } from '../units.js'
import type { Job, Outcome } from './job.js'
import type { ComparisonResult } from './result.js'

type Pictures = ComparisonResult['pictures']

export function pictureOfArm(arm: ArmSpec, outcome: Outcome): Pictures['arms'][number] {
  const { picture, summary } = outcome
  if (!picture || !summary) throw new Error(`no picture was kept of arm ${arm.name}`)
  return {
    name: arm.name,
    series: picture.series.map((point) => ({
      t_s: point.timeNs / NS_PER_S,
      waiting: point.waiting,
      running: point.running,
      kv_use: point.kvUse,
    })),
    quantiles: picture.quantiles,
    engine_busy: picture.engineBusy,
    engine_kv: picture.engineKv,
    summary,
  }
}

/** tok/s/GPU against tok/s/user: each arm in closed loop at fractions and multiples of the comparison's concurrency. */
export async function frontierOf(
  executor: Executor,
  arms: readonly ArmSpec[],
  concurrency: number,
  jobOf: (arm: ArmSpec, concurrency: number) => Job,
  onDone: (outcome: Outcome) => void,
): Promise<Pictures['frontier']> {
  const points = [...new Set([0.25, 0.5, 1, 2].map((factor) => Math.max(1, Math.round(factor * concurrency))))]
  const outcomes = await executor.run(
    arms.flatMap((arm) => points.map((at) => jobOf(arm, at))),
    onDone,
  )
  return arms.map((arm, a) => ({
    name: arm.name,
    points: points.flatMap((at, p) => {
      const summary = outcomes[a * points.length + p].summary
      const speed = summary?.metrics.tok_s_user.p50
      return summary && typeof speed === 'number'
        ? [{ concurrency: at, tok_s_user: speed, tok_s_gpu: summary.output_tok_s_per_gpu }]
        : []
    }),
  }))
}

const ISL_EDGES = [1, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072, 1048576]
const OSL_EDGES = [2, 16, 64, 128, 256, 512, 1024, 4096, 1048576]
/** Fewer requests than this in a bin tell nothing. */
const FEWEST = 8

/** Median over the requests of a bin that are measured of (speed under `arm` ÷ speed under `baseline`), request by request on the same traffic. */
export function gainGrid(
  pictured: readonly { readonly arm: ArmSpec; readonly outcome: Outcome }[],
  baseline: string,
  arm: string,
): Pictures['grid'] {
  const pictureOf = (name: string) => pictured.find((entry) => entry.arm.name === name)?.outcome.picture ?? null
  const before = pictureOf(baseline)?.records
  const { records: after, window } = pictureOf(arm) ?? {}
  const cells = ISL_EDGES.slice(1).map(() => OSL_EDGES.slice(1).map((): number[] => []))
  if (before && after && window) {
    const speeds = secondsPerToken(before)
    for (let row = 0; row < after.count; row++) {
      if (after.arrivalNs[row] < window.fromNs || after.arrivalNs[row] >= window.toNs) continue
      const base = speeds.get(after.request[row])
      const own = tokenTime(after, row)
      if (base === undefined || own === null) continue
      const i = ISL_EDGES.findIndex((edge) => after.isl[row] < edge) - 1
      const j = OSL_EDGES.findIndex((edge) => after.osl[row] < edge) - 1
      if (i >= 0 && j >= 0) cells[i][j].push(base / own)
    }
  }
  const isTold = (cell: readonly number[]): boolean => cell.length >= FEWEST
  const [firstIsl, lastIsl] = ends(cells.map((row) => row.some(isTold)))
  const [firstOsl, lastOsl] = ends(OSL_EDGES.slice(1).map((_, j) => cells.some((row) => isTold(row[j]))))
  return {
    isl_edges: ISL_EDGES.slice(firstIsl, lastIsl + 2),
    osl_edges: OSL_EDGES.slice(firstOsl, lastOsl + 2),
    ratio: cells
      .slice(firstIsl, lastIsl + 1)
      .map((row) => row.slice(firstOsl, lastOsl + 1).map((cell) => (isTold(cell) ? median(cell) : null))),
  }
}

/** First and last place that is used; 0 and 0 where none is. */
const ends = (used: readonly boolean[]): [number, number] => [
  Math.max(0, used.indexOf(true)),
  Math.max(0, used.lastIndexOf(true)),
]

function tokenTime(records: Records, row: number): number | null {
  const timeNs = records.endNs[row] - records.firstTokenNs[row]
  return records.fate[row] !== COMPLETED || records.osl[row] < 2 || timeNs === 0 ? null : timeNs / (records.osl[row] - 1)
}

function secondsPerToken(records: Records): Map<number, number> {
  const times = new Map<number, number>()
  for (let row = 0; row < records.count; row++) {
    const time = tokenTime(records, row)
    if (time !== null) times.set(records.request[row], time)
  }
  return times
}

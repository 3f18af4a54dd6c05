/** The measured launches that ship with the package: `data/levers/measured`, with what they were measured on. */
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { readDataFile } from '../../dataFile.js'
import { type MeasuredGroup, scoreMeasured } from './measured.js'
import { readMeasuredRows } from './measuredRows.js'

const FOLDER = new URL('../../../data/levers/measured/', import.meta.url)

const text = z.string().min(1)
const schema = z.strictObject({
  title: text,
  gpu: text,
  date: text,
  software: text,
  clocks: text,
  /** Bytes read and written by a large copy on the device, GB/s. */
  copy_gb_s: z.number().positive(),
  kernels: z
    .array(
      z.strictObject({
        name: text,
        /** CTAs of the kernel that one SM holds. */
        residents: z.int().positive(),
        /** Files of launches to learn from; none: half of the batches of `judge`. */
        train: z.array(text),
        judge: text,
      }),
    )
    .min(1),
})

export type ShippedLaunches = z.infer<typeof schema>

export interface ScoredLaunches {
  readonly about: ShippedLaunches
  /** In the order of `about.kernels`. */
  readonly groups: readonly MeasuredGroup[]
}

export function loadShippedLaunches(): ShippedLaunches {
  return readDataFile({ kind: 'measured launches', nameOrPath: 'launches', names: ['launches'], folder: FOLDER, schema })
}

export interface ShippedLaunchesOptions {
  /** Kernels by name; default: all. */
  readonly names?: readonly string[]
  /** Called with the kernels that are done and those in all. */
  readonly onKernel?: (done: number, total: number) => void
}

/** Fits and judges the kernels of the shipped launches; some 20 s each. */
export function scoreShippedLaunches({ names, onKernel }: ShippedLaunchesOptions = {}): ScoredLaunches {
  const about = loadShippedLaunches()
  const rowsOf = (file: string) => readMeasuredRows(fileURLToPath(new URL(file, FOLDER)))
  const chosen = about.kernels.filter(({ name }) => names === undefined || names.includes(name))
  const groups = chosen.flatMap(({ train, judge }, i) => {
    onKernel?.(i, chosen.length)
    return scoreMeasured(rowsOf(judge), train.flatMap(rowsOf))
  })
  onKernel?.(chosen.length, chosen.length)
  return { about: { ...about, kernels: chosen }, groups }
}

/** The fitted constants as a data file: `data/calibration/nvl72.json`, or one that `calibrate` wrote. */
import * as z from 'zod'
import { readDataFile } from '../dataFile.js'
import { type Constants, NEUTRAL } from './calibration.js'

/** A fitted constant with its spread: `low` and `high` bound the values that resampled configurations give. */
export interface FittedConstant {
  readonly value: number
  /** The value that leaves the tables as they are. */
  readonly neutral: number
  readonly low: number
  readonly high: number
  readonly unit: string
  readonly meaning: string
  readonly source: string
}

export interface Calibration {
  readonly title: string
  /** Measured rows that the constants were fitted to. */
  readonly rows: number
  readonly constants: Readonly<Record<keyof Constants, FittedConstant>>
  /** Joint draws of the constants, in the order of `order`: what resampled configurations would have given. */
  readonly draws?: { readonly order: readonly string[]; readonly values: readonly (readonly number[])[] }
}

const finite = z.number().min(0).max(1e6)
const fitted = z.strictObject({
  value: finite,
  neutral: finite,
  low: finite,
  high: finite,
  unit: z.string().min(1),
  meaning: z.string().min(1),
  source: z.string().min(1),
})
const names = Object.keys(NEUTRAL) as (keyof Constants)[]

export const calibrationSchema = z.strictObject({
  title: z.string().min(1),
  rows: z.int().min(0),
  constants: z.strictObject(Object.fromEntries(names.map((name) => [name, fitted]))),
  draws: z
    .strictObject({ order: z.array(z.enum(names)).length(names.length), values: z.array(z.array(finite).length(names.length)) })
    .optional(),
}) as unknown as z.ZodType<Calibration>

const CALIBRATION_NAMES = ['nvl72'] as const

/** The shipped calibration, or the path of another (it holds a slash or ends in .json). Throws UserError when missing or malformed. */
export function loadCalibration(nameOrPath = 'nvl72'): Calibration {
  return readDataFile({
    kind: 'calibration',
    nameOrPath,
    names: CALIBRATION_NAMES,
    folder: new URL('../../data/calibration/', import.meta.url),
    schema: calibrationSchema,
  })
}

/** The fitted values alone, as a timing request takes them. */
export function constantsOf(calibration: Calibration): Constants {
  return Object.fromEntries(names.map((name) => [name, calibration.constants[name].value])) as unknown as Constants
}

/** The joint draws; none in a file without them. */
export function drawsOf({ draws }: Calibration): Constants[] {
  if (draws === undefined) return []
  return draws.values.map((values) => Object.fromEntries(draws.order.map((name, i) => [name, values[i]])) as unknown as Constants)
}

/** The file of kernel times of one system, from a folder of measured tables. Same input, same bytes. */
import { AXES } from '../knots.js'
import { encodeTables, type SliceSource } from '../slices.js'
import { makeSlice } from './makers.js'
import { type Measured, openMeasured } from './measured.js'
import { neededOperators } from './needed.js'

export const TIMING_SYSTEMS = ['gb200', 'gb300'] as const

const NOTICE = [
  'Kernel times on the knots of Shapewise, derived from the measured tables of NVIDIA AIConfigurator.',
  'Source: ai-dynamo/aiconfigurator, commit 095f58a51c4ca8e61b66ec108d86f223f8d559ce, aic-core/src/aiconfigurator_core/systems/data (TensorRT-LLM 1.3.0rc20; all-to-all 1.2.0rc6).',
  'Licence of the source: Apache-2.0, Copyright (c) 2025-2026 NVIDIA CORPORATION & AFFILIATES. These values are changed: see the method.',
  'Method: log-log interpolation of the measured points onto other knots; shapes between measured sites interpolated over n, then k; holes filled along the last axis; times made to rise with size (halfway between the rising envelopes).',
  'Beyond the measured grid: decode attention by bytes at the bandwidth of the largest reads; expert compute, exchanges and BMMs by the line of the last two octaves; prefill attention by the square of the length; GEMM and all-reduce in proportion.',
  'Repairs: exchange outliers at one token cut to the rising curve below; expert slices limited to 1.05 x those of the other system; GB300 exchanges are those of GB200.',
  'Made by: npm run build:timing.',
]

export function openSystems(folder: string): Map<string, Measured> {
  return new Map(TIMING_SYSTEMS.map((system) => [system, openMeasured(folder, system)]))
}

export function makeTables(system: string, systems: ReadonlyMap<string, Measured>): Uint8Array {
  const measured = systems.get(system) as Measured
  const other = systems.get(TIMING_SYSTEMS.find((name) => name !== system) as string) as Measured
  const slices: SliceSource[] = []
  for (const operator of neededOperators()) {
    const slice = makeSlice(operator, { system, measured, other })
    if (slice) slices.push(slice)
  }
  return encodeTables(system, NOTICE, AXES, slices)
}

/** GEMMs whose activations arrive quantised: the measured FP8 and NVFP4 ones quantise their BF16 activations themselves. */
import { WEIGHT_BYTES } from '../../models/memory.js'
import type { Gemm } from '../../models/operator.js'
import type { Slice } from '../slices.js'
import { affine, timeAt } from './curve.js'
import { alongColumn } from './find.js'
import { gemmBlock, gemmSlice } from './gemm.js'
import { memoryBytesPerUs, passBytesPerUs } from './memory.js'
import { curveOf, sliceOf } from './slice.js'
import type { KernelTable } from './table.js'

/** The fastest measured BF16 call, us: a GEMM takes at least this and one read of its weights. */
const LAUNCH_US = 1.8
/** Bytes that a quantising pass reads (BF16) and writes (NVFP4 with scales) per value. */
const NVFP4_PASS_BYTES = WEIGHT_BYTES.bf16 + WEIGHT_BYTES.nvfp4
/** A GEMM too small for anything but its launches. */
const TINY = 256
const FP8_STEPS = ['quantize-computescale_trtllm', 'quantize-scale-matrix_trtllm'] as const

type Quantisation = (rows: number) => number

/** FP8 per tensor: scanning for the scale and applying it were measured alone. */
function fp8Quantisation(table: KernelTable, k: number): Quantisation {
  const curves = FP8_STEPS.flatMap((name) => {
    const sheet = table.sheet(name)
    const found = alongColumn(sheet, { quant_dtype: 'fp8' }, 'k', k)
    return found ? [curveOf(sheet.logKnots[0], found.block)] : []
  })
  return (rows) => curves.reduce((sum, curve) => sum + timeAt(curve, rows, affine), 0)
}

/** NVFP4: what the tiniest GEMM takes longer than the same in BF16, and the bytes of the pass. */
function nvfp4Quantisation(table: KernelTable, k: number): Quantisation {
  const tinyUs = (type: string): number => Math.exp((gemmBlock(table.sheet('gemm_trtllm'), type, TINY, TINY) as Float64Array)[0])
  const launchUs = tinyUs('nvfp4') - tinyUs('bfloat16')
  const bytesPerUs = passBytesPerUs(table.system)
  return (rows) => launchUs + (rows * k * NVFP4_PASS_BYTES) / bytesPerUs
}

export function staticGemmSlice(
  key: string,
  table: KernelTable,
  operator: Gemm & { readonly type: 'fp8' | 'nvfp4' },
): Slice | null {
  const { type, n, k } = operator
  const whole = gemmSlice(key, table.sheet('gemm_trtllm'), operator)
  if (!whole) return null
  const quantisation = type === 'fp8' ? fp8Quantisation(table, k) : nvfp4Quantisation(table, k)
  const least = LAUNCH_US + (n * k * WEIGHT_BYTES[type]) / memoryBytesPerUs(table.system)
  const knots = Array.from(whole.logX, Math.exp)
  let highest = 0
  const us = knots.map((rows, i) => {
    highest = Math.max(highest, least, Math.exp(whole.logUs[i]) - quantisation(rows))
    return highest
  })
  return sliceOf(key, [knots], us, whole.reach, { evidence: 'interpolated', note: 'less the quantisation of its activations' })
}

/** One maker per kind of slice: measured points in, times on our knots out. */
import type { AllReduce, AllToAll, Gqa, Mla, MlaBmm } from '../../models/operators.js'
import { MEASURED_ALLREDUCE_GPUS, sliceKey, type TabledOperator } from '../keys.js'
import { AXES, type AxisName } from '../knots.js'
import type { Evidence, SliceSource } from '../slices.js'
import { affine, type Curve, curveOf, type Extension, proportional, quadratic, rising, risingBelow, timeAt } from './curve.js'
import { makeDecode } from './decode.js'
import { makeGemm } from './gemm.js'
import type { Measured } from './measured.js'

export interface SliceInput {
  readonly system: string
  readonly measured: Measured
  /** The other system: bad slices of expert compute are replaced by its rows. */
  readonly other: Measured
}

/** Expert kernels of the two systems differ by 2 % in the median; a slice slower than this times the other's is a bad tactic. */
const OTHER_SYSTEM_MARGIN = 1.05

function oneAxis(
  key: string,
  axis: AxisName,
  points: Map<number, number> | undefined,
  extend: Extension,
  evidence: Evidence = 'measured',
): SliceSource | null {
  if (!points) return null
  const curve = curveOf(points)
  const us = rising(
    AXES[axis].map((x) => timeAt(curve, x, extend)),
    1,
  )
  return { key, axes: [axis], us, evidence, reach: curve.x[curve.x.length - 1] }
}

function makeMoe(key: string, { measured, other }: SliceInput): SliceSource | null {
  const group = key.slice('moe/'.length)
  const own = oneAxis(key, 'tokens', measured.moe().get(group), affine)
  if (!own) return null
  const theirs = oneAxis(key, 'tokens', other.moe().get(group), affine)
  if (!theirs) return own
  return {
    ...own,
    us: rising(
      Array.from(own.us, (us, i) => Math.min(us, OTHER_SYSTEM_MARGIN * theirs.us[i])),
      1,
    ),
  }
}

function makeAllToAll(key: string, operator: AllToAll, { system, measured }: SliceInput): SliceSource | null {
  const points = measured.allToAll().get(`${operator.leg}/${operator.type}/${operator.ep}`)
  if (!points) return null
  const curve = curveOf(points)
  // The outliers of this table (45-70 us at one token) are all too slow.
  const repaired: Curve = { x: curve.x, us: risingBelow(curve.us) }
  const us = AXES.tokens.map((x) => timeAt(repaired, x, affine))
  return {
    key,
    axes: ['tokens'],
    us,
    evidence: system === 'gb200' ? 'measured' : 'transferred',
    reach: curve.x[curve.x.length - 1],
  }
}

/** Null when the measured tables do not cover the operator: the layout is then refused at run time. */
export function makeSlice(operator: TabledOperator, input: SliceInput): SliceSource | null {
  const key = sliceKey(operator)
  const { measured } = input
  switch (operator.kind) {
    case 'gemm':
      return makeGemm(key, operator, measured)
    case 'moe':
      return makeMoe(key, input)
    case 'alltoall':
      return makeAllToAll(key, operator, input)
    case 'gqa_decode':
      return makeDecode(key, key.slice('gqa_decode/'.length), measured.gqaDecode())
    case 'mla_decode':
      return makeDecode(key, key.slice('mla_decode/'.length), measured.mlaDecode())
    case 'gqa_prefill':
    case 'mla_prefill':
      return makePrefill(key, operator, measured)
    case 'mla_bmm':
      return makeBmm(key, operator, measured)
    case 'allreduce':
      return makeAllReduce(key, operator, measured)
    case 'mla_module':
      return null
  }
}

function makePrefill(key: string, operator: Gqa | Mla, measured: Measured): SliceSource | null {
  const group = key.slice(operator.kind.length + 1)
  if (operator.kind === 'mla_prefill') return oneAxis(key, 'context', measured.mlaPrefill().get(group), quadratic)
  const windowed = 'window' in operator && operator.window > 0
  return oneAxis(key, 'context', measured.gqaPrefill().get(group), windowed ? affine : quadratic)
}

function makeBmm(key: string, operator: MlaBmm, measured: Measured): SliceSource | null {
  return oneAxis(key, 'tokens', measured.mlaBmm().get(`${operator.side}/${operator.type}/${operator.heads}`), affine)
}

function makeAllReduce(key: string, operator: AllReduce, measured: Measured): SliceSource | null {
  return oneAxis(
    key,
    'elements',
    measured.allReduce().get(String(Math.min(operator.gpus, MEASURED_ALLREDUCE_GPUS))),
    proportional,
  )
}

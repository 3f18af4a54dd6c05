/** What the shipped constants were fitted to: the kernel times among the published cells of role `fit`. */
import { NS_PER_US } from '../../units.js'
import type { Cell } from './cells.js'
import { fitMachine, type MachineConstant, type MachineFit } from './fitMachine.js'
import { machineOf } from './kernelCells.js'
import { launchOf, splitPolicy } from './launches.js'

/** The rows are all of MLA with few heads, each one sequence: they fix the bandwidth of a CTA, and the fixed times only in sum. */
const PUBLISHED_FREE: readonly MachineConstant[] = ['ctaBandwidth', 'mergeFixedNs']

/** Where the search starts; the result does not depend on it. */
const START = { ctaBandwidth: 50, mergeFixedNs: 3000 }

/** Fits the free constants of `mla_few_heads` again; the others are those shipped. */
export function fitPublished(cells: readonly Cell[], free: readonly MachineConstant[] = PUBLISHED_FREE): MachineFit {
  const rows = cells.flatMap(({ role, setting, published }) => {
    if (role !== 'fit' || setting.kind !== 'kernel-time' || published === null) return []
    const launch = launchOf(new Array<number>(setting.sequences).fill(setting.tokens))
    const machine = { ...machineOf(setting), ...START }
    return [{ launch, policy: splitPolicy(setting.policy), machine, measuredNs: published * NS_PER_US }]
  })
  return fitMachine(rows, free)
}

/** Every shipped policy of some levers against generated scenarios; `npm run check:policies -- --runs N` takes any number. */
import { expect, test, vi } from 'vitest'
import type { LeverName } from '../src/levers/lever.js'
import { findFault, SHIPPED } from '../src/testing.js'

const RUNS = 300
const SEED = Number(process.env.SHAPEWISE_SEED ?? 20_253)

export function shippedPass(levers: readonly LeverName[]): void {
  // wall time, for machines that have other things to do: a policy takes a few seconds
  vi.setConfig({ testTimeout: 600_000 })
  // oracles search for as long as they like: they are left to the night
  const policies = SHIPPED.filter(({ lever, oracle }) => levers.includes(lever) && !oracle)
  test.each(policies)(`$lever $policy keeps all laws in ${RUNS} scenarios`, ({ lever, policy }) => {
    const fault = findFault(policy, { lever, runs: RUNS, seed: SEED })
    expect(fault && [...fault.faults, ...fault.files.map(({ text }) => text)].join('\n')).toBeNull()
  })
}

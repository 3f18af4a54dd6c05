/** `levers NAME` draws what a policy decides by asking it. */
import { describe, expect, it } from 'vitest'
import { drawn } from '../src/cli/policies/leverPictures.js'
import { POLICIES, type PolicyInfo } from '../src/levers/index.js'
import { newFolder, shapewise } from './cliRunner.js'

const named = (name: string, lever = 'split'): PolicyInfo =>
  POLICIES.find((policy) => policy.lever === lever && policy.name.startsWith(name)) as PolicyInfo

/** The numbers in a line. */
const numbers = (line: string | undefined): number[] =>
  [...(line ?? '').matchAll(/[\d,]+(?:\.\d+)?/g)].map(([text]) => Number(text.replaceAll(',', '')))

describe('pictures of decisions', () => {
  it.each(POLICIES.map((policy) => [`${policy.lever} ${policy.name}`, policy] as const))('%s has one', (_, policy) => {
    const lines = drawn(policy).split('\n')
    expect(lines.length).toBeGreaterThan(4)
    expect(lines.join('\n')).toMatch(/[█▒]/)
    expect(lines.join('\n')).not.toMatch(/NaN|undefined|Infinity/)
  })

  it('cut as the policy does', () => {
    const [longest] = drawn(named('fixed-size(4096)')).split('\n').slice(2)
    const [tokens, pieces, size] = numbers(longest.replaceAll(/[█▒]/g, ''))
    expect(pieces).toBe(Math.ceil(Math.ceil(tokens / 128) / 32))
    expect(size).toBe(Math.ceil(tokens / pieces))
  })

  it('show the kernel time of the policy beside the shipped rule and the floor', () => {
    const times = (name: string) =>
      drawn(named(name))
        .split('\n')
        .slice(-4)
        .map((line) => numbers(line.replace(/\(8\)/, ''))[0])
    const [own, , shipped, floor] = times('length-aware')
    expect(own).toBeLessThan(shipped)
    expect(floor).toBeLessThan(own)
    expect(times('occupancy-rule')[0]).toBe(shipped)
  })

  it('are printed by the command, with the arguments asked for', () => {
    const { status, stdout } = shapewise(newFolder(), 'levers', 'fixed-count(3)')
    expect(status).toBe(0)
    expect(stdout).toMatch(/131,000 .* 3 x 43,667/)
    expect(stdout).not.toMatch(/^needs /m)
    expect(shapewise(newFolder(), 'levers', 'aligned').stdout).toMatch(
      /^needs +an engine of several ranks; steps of 2048 tokens or more$/m,
    )
    expect(shapewise(newFolder(), 'levers', 'adaptive-roles').stdout).toMatch(/^needs +engines that may change their roles/m)
    expect(shapewise(newFolder(), 'levers', 'lengthaware').stderr).toMatch(/did you mean 'length-aware'\?/)
  })
})

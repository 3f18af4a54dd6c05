/** `shapewise levers`: the policies of every lever; with a name, all that is known of one. */

import { UserError } from '../../errors.js'
import type { PolicyInfo } from '../../levers/lever.js'
import { columns } from '../../reports/columns.js'
import { suggest } from '../../suggest.js'
import { defineCommand } from '../command.js'
import { formatOption } from '../options.js'
import { printJson, printResult } from '../output.js'
import { wrap } from './wrap.js'

interface LeversArgs {
  readonly name?: string
  readonly format: string
}

export const leversCommand = defineCommand<LeversArgs>({
  command: 'levers [name]',
  describe: 'List the policies of every lever, or describe one lever or policy',
  builder: (yargs) =>
    yargs
      .positional('name', { type: 'string', describe: 'A lever (split, chunk, rank, span, pool) or a policy' })
      .option('format', formatOption)
      .example('$0 levers', 'all policies')
      .example('$0 levers "fixed-size(2048)"', 'with arguments of your own')
      .example('$0 levers length-aware', 'what it reads, when it wins, when it loses, and a picture of what it decides'),
  handler: async ({ name, format }) => {
    const { POLICIES, parsePolicy } = await import('../../levers/index.js')
    const found =
      name === undefined ? POLICIES : POLICIES.filter((policy) => policy.lever === name || baseName(policy) === baseNameOf(name))
    if (found.length === 0) {
      const known = [...new Set([...POLICIES.map((policy) => policy.lever), ...POLICIES.map(baseName)])]
      throw new UserError({
        where: 'levers',
        message: `no lever or policy is named '${name}'`,
        hint: suggest(name ?? '', known),
      })
    }
    const chosen = name?.includes('(') ? found.map(({ lever }) => parsePolicy(lever, name, 'levers')().info) : found
    if (format === 'json') printJson(chosen.map(inJson))
    else if (chosen.length === 1 || (name !== undefined && chosen.every((policy) => policy.lever !== name))) {
      const { drawn } = await import('../policies/leverPictures.js')
      printResult(chosen.map((policy) => `${describe(policy)}\n\n${drawn(policy)}`).join('\n\n'))
    } else
      printResult(
        columns([
          ['lever', 'policy', 'shape-aware', 'source'],
          ...chosen.map(({ lever, name, shapeAware, source }) => [lever, name, shapeAware ? 'yes' : 'no', source]),
        ]),
      )
  },
})

/** The keys of JSON, always all of them. */
const inJson = (policy: PolicyInfo) => {
  const { signalAge, shapeAware, needs: _, oracle = false, ...rest } = policy
  const ageNs = signalAge === 'now' ? 0 : signalAge
  return { ...rest, oracle, shape_aware: shapeAware, signal_age_ns: ageNs, needs: needsOf(policy) }
}

const baseNameOf = (text: string): string => text.replace(/\(.*$/, '')
const baseName = (policy: PolicyInfo): string => baseNameOf(policy.name)

function describe(policy: PolicyInfo): string {
  const row = (label: string, text: string): string =>
    `${label.padEnd(12)}${wrap(text, 88, '')
      .split('\n')
      .join(`\n${' '.repeat(12)}`)}`
  const needed = needsOf(policy)
  return [
    `${policy.name}  (lever ${policy.lever}${policy.shapeAware ? ', shape-aware' : ''})`,
    row('called as', policy.hooks.join(', ')),
    row('reads', policy.inputs.length > 0 ? policy.inputs.join('; ') : 'nothing'),
    row('signal age', policy.signalAge === 'now' ? 'now (scheduler-local)' : `${policy.signalAge} ns`),
    row('complexity', policy.complexity),
    ...(needed.length > 0 ? [row('needs', needed.join('; '))] : []),
    row('wins', policy.wins),
    row('loses', policy.loses),
    row('source', policy.source),
  ].join('\n')
}

/** What a scenario without is refused for. */
function needsOf({ needs, hooks }: PolicyInfo): string[] {
  const { prefixCaches, severalRanks, lanes, stepTokens } = needs ?? {}
  return [
    ...(prefixCaches === undefined ? [] : ['an engine with a prefix cache']),
    ...(severalRanks === undefined ? [] : ['an engine of several ranks']),
    ...(lanes === undefined ? [] : [`${lanes} engines or more that take prompts`]),
    ...(stepTokens === undefined ? [] : [`steps of ${stepTokens} tokens or more`]),
    ...(hooks.includes('switchRole') ? ['engines that may change their roles (may_switch)'] : []),
  ]
}

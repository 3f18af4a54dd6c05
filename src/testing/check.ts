/** A policy against generated scenarios: the smallest one in which it breaks a law, written down so that it can be played again. */
import fc from 'fast-check'
import { PolicyError, UserError } from '../errors.js'
import { parsePolicy } from '../levers/catalogue.js'
import { chanceOf } from '../levers/chance.js'
import { type Arm, type Chance, type EngineNeeds, LEVERS, type LeverName } from '../levers/lever.js'
import { isPolicyFile } from '../levers/own.js'
import { guarded, openPolicyFiles, shapeFaults } from '../policies/index.js'
import type { PolicyShape } from '../policies/shape.js'
import { policyProblems } from '../scenario/index.js'
import { memoryFaults } from './endurance.js'
import { companionsOf, type MakePolicy, policyFaults, type Stage } from './rules.js'
import { ANYWHERE, type Needs, SMALL_BLOCK, type SmallScenario, smallScenarios, WIDEST } from './small.js'
import { untilSpent } from './untilSpent.js'
import { planOf, scenarioText, traceName, traceText, workloadOf } from './written.js'

/** A function that makes a fresh policy, the path of a file that exports one, or the name of a shipped policy with its arguments. */
export type PolicyUnderCheck = string | ((chance: Chance) => unknown)

export interface CheckOptions {
  readonly lever: LeverName
  /** Scenarios, at least 1. Default: 1000. */
  readonly runs?: number
  /** Default: 1. The same seed gives the same scenarios. */
  readonly seed?: number
}

/** A policy that broke a law. */
export interface PolicyFault {
  /** Sentences, each with the number of its law (docs/INVARIANTS.md). */
  readonly faults: readonly string[]
  /** The smallest scenario found, and its files. */
  readonly scenario: SmallScenario
  readonly files: readonly { readonly name: string; readonly text: string }[]
  /** Scenarios tried before one showed the fault. */
  readonly runs: number
  readonly seed: number
}

const DEFAULT_RUNS = 1000
/** Processor time for the search for a smaller scenario, ms. */
const SHRINKING_MS = 20_000
/** Scenarios that are looked at for what a policy needs, and how many may be passed over for one that is tried: several times as many. */
const LOOKED_AT = 300
const MOST_PASSED_OVER = 2000

/** A scenario with work for every hook of the policy: engines of several ranks, ten requests that meet. For the weighing of memory. */
function steady({ degree, switches }: Needs, { prefixCaches, lanes = 0, stepTokens = 0 }: EngineNeeds): SmallScenario {
  const caching = prefixCaches !== undefined
  const engine = {
    model: 'gpt-oss-120b',
    layout: `DEP${Math.max(2, degree)}`,
    count: degree > 16 ? 1 : Math.max(2, lanes),
    maxNumSeqs: 4,
    maxNumBatchedTokens: Math.max(64, stepTokens),
    maxModelLen: 256,
    numGpuBlocks: 64,
  }
  const pools = (['prefill', 'decode'] as const).map((role) => ({ ...engine, role, maySwitch: true as const }))
  return {
    engines: switches ? pools : [{ ...engine, role: 'aggregated' }],
    caching,
    mtp: 0,
    reservation: 'grow',
    requests: Array.from({ length: 10 }, (_, i) => {
      const isl = 10 + 7 * i
      const blocks = Array.from({ length: caching ? Math.ceil(isl / SMALL_BLOCK) : 0 }, (_, block) => block)
      return { arrivalMs: 2 * i, isl, osl: 1 + i, blocks }
    }),
    companions: {},
  }
}

/** A policy to look at; null for what makes none, which is told by the scenarios. */
function sampleOf(make: MakePolicy): Arm[LeverName] | null {
  try {
    return make()
  } catch (error) {
    if (error instanceof PolicyError || error instanceof UserError) return null
    throw error
  }
}

/** What the policy can do that not every scenario allows. */
export function needsOf(make: MakePolicy, lever: LeverName): Needs {
  const policy = sampleOf(make)
  if (policy === null) return ANYWHERE
  const { largest = 2, switchRole } = policy as { readonly largest?: number; readonly switchRole?: unknown }
  return { degree: lever === 'span' ? Math.min(largest, WIDEST) : 1, switches: typeof switchRole === 'function' }
}

/** Fresh policies under guard. Throws UserError for what is no policy of the lever. */
export function makerOf(policy: PolicyUnderCheck, lever: LeverName): MakePolicy {
  if (typeof policy === 'string') {
    openPolicyFiles()
    const make = parsePolicy(lever, policy, policy)
    // those of files are under guard already
    if (isPolicyFile(policy)) return make
    return () => guarded(lever, make() as unknown as PolicyShape)
  }
  return () => {
    const made = policy(chanceOf('', lever))
    const faults = shapeFaults(lever, made)
    if (faults.length > 0)
      throw new UserError({
        where: 'policy',
        message: faults.join('; '),
        hint: `compare with what \`shapewise policy new ${lever} FILE\` writes`,
      })
    return guarded(lever, made as PolicyShape)
  }
}

export function stageOf(drawn: SmallScenario): Stage {
  const { config } = planOf(drawn)
  return { config, workload: workloadOf(drawn), companions: companionsOf(config, drawn.companions) }
}

/** The first fault that `runs` scenarios show, shrunk; null when there is none. */
export function findFault(policy: PolicyUnderCheck, { lever, runs = DEFAULT_RUNS, seed = 1 }: CheckOptions): PolicyFault | null {
  refuseOptions({ lever, runs, seed })
  const make = makerOf(policy, lever)
  const faultOf = (scenario: SmallScenario, faults: readonly string[], tried: number): PolicyFault => ({
    faults,
    scenario,
    files: filesOf(scenario, typeof policy === 'string' ? { [lever]: policy } : {}),
    runs: tried,
    seed,
  })
  const sample = sampleOf(make)
  const text = typeof policy === 'string' ? policy : ''
  // elsewhere a scenario file is refused: a fault could not be shown to anyone
  const allows = (scenario: SmallScenario): boolean =>
    sample === null || policyProblems(lever, text, sample as never, planOf(scenario).plan.engines).length === 0
  const needs = needsOf(make, lever)
  const scenarios = smallScenarios(lever, needs)
  if (sample?.info.needs !== undefined && !fc.sample(scenarios, { numRuns: LOOKED_AT, seed }).some(allows))
    throw nowhere(text === '' ? `${lever} policy` : text)
  const weighed = steady(needs, sample?.info.needs ?? {})
  const memory = weighedFaults(() => stageOf(weighed), make, lever)
  if (memory.length > 0) return faultOf(weighed, memory, 1)
  let tried = 0
  let failed = false
  const search = untilSpent<SmallScenario>(SHRINKING_MS, (drawn) => {
    if (!failed) tried++
    // a search that has found something makes it smaller by whatever shows it
    const faults = policyFaults(stageOf(drawn), lever, make, failed ? undefined : tried)
    if (faults.length === 0) return
    failed = true
    throw new Error(faults[0])
  })
  const { counterexample } = fc.check(
    fc.property(scenarios, (drawn) => {
      // others are drawn in its place
      fc.pre(allows(drawn))
      search(drawn)
    }),
    { numRuns: runs, seed, maxSkipsPerRun: MOST_PASSED_OVER },
  )
  if (counterexample !== null) {
    const [scenario] = counterexample
    return faultOf(scenario, policyFaults(stageOf(scenario), lever, make), tried)
  }
  return null
}

/** Nothing was found because nothing was tried: that is no pass. */
const nowhere = (where: string): UserError =>
  new UserError({
    where,
    message: `none of ${LOOKED_AT} generated scenarios has what it says that it needs of engines`,
    hint: 'check it on a scenario of yours (--scenario), or ask for less in info.needs',
  })

/** Without scenarios nothing would ever be found. */
function refuseOptions({ lever, runs, seed }: Required<CheckOptions>): void {
  const fail = (where: string, message: string, hint: string): never => {
    throw new UserError({ where, message, hint })
  }
  if (!LEVERS.includes(lever)) fail('lever', `there is no lever '${lever}'`, `levers are ${LEVERS.join(', ')}`)
  if (!(Number.isSafeInteger(runs) && runs >= 1)) fail('runs', `expected a whole number >= 1, got ${runs}`, 'for example 1000')
  if (!Number.isSafeInteger(seed)) fail('seed', `expected a whole number, got ${seed}`, 'for example 1')
}

/** What fails there otherwise is left to the scenarios. */
function weighedFaults(stage: () => Stage, make: MakePolicy, lever: LeverName): string[] {
  try {
    return memoryFaults(stage(), lever, make)
  } catch (error) {
    if (error instanceof PolicyError || error instanceof UserError) return []
    throw error
  }
}

/** All that a search looks for, on one stage. */
export const faultsOn = (stage: Stage, lever: LeverName, make: MakePolicy): string[] => [
  ...weighedFaults(() => stage, make, lever),
  ...policyFaults(stage, lever, make),
]

/** The files of a scenario; `policies`: as its arm `checked` names them. */
const filesOf = (scenario: SmallScenario, policies: Readonly<Partial<Record<LeverName, string>>>): PolicyFault['files'] => [
  { name: 'scenario.yaml', text: scenarioText(scenario, policies) },
  { name: traceName(scenario), text: traceText(scenario) },
]

/** For tests: throws an Error with the fault and the files of the smallest scenario found. */
export function checkPolicy(policy: PolicyUnderCheck, options: CheckOptions): void {
  const fault = findFault(policy, options)
  if (fault === null) return
  const files = fault.files.map(({ name, text }) => `--- ${name}\n${text}`)
  throw new Error(
    `${fault.faults.join('\n')}\nseen after ${fault.runs} scenarios of seed ${fault.seed}, smallest:\n${files.join('')}`,
  )
}

/** The families of arms that are tuned: every setting of their grids that differs on a cluster. */
import { chunkIsInert, STATIC_ARM, staticArm } from '../levers/catalogue.js'
import type { ArmSpec, LeverName } from '../levers/lever.js'
import type { ClusterConfig, EngineConfig } from '../simulator/config.js'

/** Down to half of the least that equal-time takes: static arms must not lose for want of a budget that the challenger may have. */
export const BUDGETS = [128, 256, 512, 1024, 2048, 4096, 8192]
const COUNTS = [1, 2, 4, 8, 16, 32]
const SIZES = [512, 1024, 2048, 4096, 8192, 16384]
const EQUAL_TIMES_MS = [10, 20, 40, 80]

export type Family = 'tuned-static' | 'tuned-size' | 'shape-aware' | 'oracle-static'

/** What every comparison tunes, from the weakest form of static to the challenger. */
export const FAMILIES: readonly Family[] = ['tuned-static', 'tuned-size', 'shape-aware']

/** The family that is judged; the others are baselines. */
export const CHALLENGER: Family = 'shape-aware'

/** Names of the arms that every comparison has. */
export const BUILT_IN: readonly string[] = [STATIC_ARM.name, ...FAMILIES]

/** The static arm's own policies as a setting of tuned-static. */
export const staticSetting = ({ engines }: ClusterConfig): ArmSpec => ({ ...staticArm(engines), name: 'tuned-static' })

/** What says whether a lever has an effect. */
interface Cluster {
  readonly engines: readonly Pick<EngineConfig, 'role' | 'ranks'>[]
}

export const hasOneRank = ({ engines }: Cluster): boolean => engines.every((engine) => engine.ranks === 1)
/** A request goes to one engine of each role. */
const hasOneEngine = ({ engines }: Cluster): boolean => new Set(engines.map(({ role }) => role)).size === engines.length

/** Levers that no policy can pull on this cluster, with the reason. */
export function inertLevers(config: Cluster): ReadonlyMap<LeverName, string> {
  const inert = new Map<LeverName, string>()
  if (chunkIsInert(config.engines)) inert.set('chunk', 'prefill has engines of its own')
  if (hasOneRank(config)) inert.set('rank', 'every engine has one rank')
  if (hasOneEngine(config)) inert.set('pool', 'there is one engine of each role')
  return inert
}

type Choices = Readonly<Record<'split' | 'rank' | 'pool', readonly string[]>>

/** What a static family combines, beside the budgets: what anybody can set who knows nothing of shapes. */
const COUNTED: Choices = {
  split: [...COUNTS.map((count) => `fixed-count(${count})`), 'occupancy-rule', 'k-waves(1)', 'k-waves(2)'],
  rank: ['round-robin', 'least-requests'],
  pool: ['round-robin', 'least-loaded'],
}

/** The first of the rank and pool policies stands for all where their lever is inert. */
const CHOICES: Readonly<Record<Family, Choices>> = {
  'tuned-static': COUNTED,
  'oracle-static': COUNTED,
  'tuned-size': { ...COUNTED, split: SIZES.map((size) => `fixed-size(${size})`) },
  'shape-aware': {
    split: ['length-aware'],
    // round-robin as well: who chooses by shape may find that it does not pay
    rank: ['least-cost(5000)', 'least-kv-tokens', 'least-requests', 'round-robin'],
    pool: ['least-loaded', 'round-robin'],
  },
}

/**
 * All settings of a family that differ on this cluster: the rank lever is inert with one rank, the pool lever with one engine of each
 * role, the chunk lever where prefill has engines of its own. Budgets
 * fit the smallest engine; the static arm's own budget is always among them, so no grid is empty.
 */
export function familyGrid(family: Family, config: ClusterConfig): ArmSpec[] {
  const inert = inertLevers(config)
  const alive = (lever: 'rank' | 'pool'): readonly string[] => CHOICES[family][lever].slice(0, inert.has(lever) ? 1 : undefined)
  const grid: ArmSpec[] = []
  for (const split of CHOICES[family].split)
    for (const chunk of chunksOf(family, config))
      for (const rank of alive('rank'))
        for (const pool of alive('pool')) grid.push({ name: family, split, chunk, rank, span: 'one', pool })
  return grid
}

function chunksOf(family: Family, config: ClusterConfig): string[] {
  const own = staticSetting(config).chunk
  if (chunkIsInert(config.engines)) return [own]
  const smallest = Math.min(...config.engines.map((engine) => engine.maxNumBatchedTokens))
  const fitting = BUDGETS.filter((budget) => budget <= smallest).map((budget) => `fixed-budget(${budget})`)
  const times = family === 'shape-aware' ? EQUAL_TIMES_MS.map((ms) => `equal-time(${ms})`) : []
  return [...new Set([...fitting, own]), ...times]
}

/** The setting that a family keeps in every round whatever it scores; none where the static arm is no setting of it. */
export function incumbentOf(family: Family, config: ClusterConfig): ArmSpec | undefined {
  const setting = staticSetting(config)
  return CHOICES[family].split.includes(setting.split) ? setting : undefined
}

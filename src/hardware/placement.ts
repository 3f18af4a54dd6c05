/** Engines on the GPUs of racks. One rack (or node) is one NVLink domain; an engine never leaves its domain. */

/** What placement needs to know of a system; every `SystemSpec` has it. */
export interface RackShape {
  readonly nvlinkDomainGpus: { readonly value: number }
  readonly gpusPerTray: { readonly value: number }
}

export interface EngineGroup {
  readonly name: string
  /** Engines of this kind. */
  readonly count: number
  /** GPUs of one engine. */
  readonly gpus: number
}

export interface Placement {
  /** Index of the group. */
  readonly group: number
  readonly rack: number
  /** GPU indices within the rack, ascending; GPU g sits in tray floor(g / gpusPerTray). */
  readonly gpus: readonly number[]
  readonly trays: readonly number[]
}

export interface PlacementResult {
  /** In group order, then instance order. */
  readonly placed: readonly Placement[]
  /** Why nothing, or not everything, was placed: one sentence each. */
  readonly refused: readonly { readonly group: number; readonly reason: string; readonly hint: string }[]
}

export const gpusOfRacks = (system: RackShape, racks: number): number => racks * system.nvlinkDomainGpus.value

/** Engines of `gpus` GPUs that fit `racks` empty racks. */
export const enginesThatFit = (system: RackShape, racks: number, gpus: number): number =>
  racks * Math.floor(system.nvlinkDomainGpus.value / gpus)

const gpusNeeded = (groups: readonly EngineGroup[]): number => groups.reduce((sum, { count, gpus }) => sum + count * gpus, 0)

/**
 * First fit in rack order, groups in the order of the scenario. Where that leaves engines out, since small ones took a corner of every rack
 * that large ones need, each group in turn is tried as the last. An engine that fits one tray is kept within a tray where the tray's
 * remaining GPUs are too few for it, so that a lost tray costs as few engines as possible.
 */
export function placeEngines(groups: readonly EngineGroup[], racks: number, system: RackShape): PlacementResult {
  const order = groups.map((_, group) => group)
  const asWritten = placeInOrder(groups, order, racks, system)
  if (asWritten.refused.length === 0 || gpusNeeded(groups) > gpusOfRacks(system, racks)) return asWritten
  for (const last of order.slice(0, -1)) {
    const { placed, refused } = placeInOrder(groups, lastOf(order, last), racks, system)
    if (refused.length === 0) return { placed: placed.toSorted((a, b) => a.group - b.group), refused }
  }
  return asWritten
}

/** As many engines of the group `open` as find room beside all of the other groups; its own count is not looked at. */
export function countBeside(groups: readonly EngineGroup[], open: number, racks: number, system: RackShape): number {
  const withCount = (count: number) => groups.map((group, i) => (i === open ? { ...group, count } : group))
  const { gpus } = groups[open]
  const left = gpusOfRacks(system, racks) - gpusNeeded(withCount(0))
  const most = Math.min(enginesThatFit(system, racks, gpus), Math.floor(left / gpus))
  if (most < 1) return 0
  const fits = (count: number): boolean => placeEngines(withCount(count), racks, system).refused.length === 0
  if (fits(most)) return most
  const order = groups.map((_, group) => group)
  const { placed, refused } = placeInOrder(withCount(most), lastOf(order, open), racks, system)
  // the others may need another one of them to be the last
  const othersFit = refused.every(({ group }) => group === open)
  let count = othersFit ? placed.filter(({ group }) => group === open).length : 0
  // odd sizes may fit better in another order
  while (count < most && fits(count + 1)) count++
  return count
}

const lastOf = (order: readonly number[], last: number): number[] => [...order.filter((group) => group !== last), last]

function placeInOrder(
  groups: readonly EngineGroup[],
  order: readonly number[],
  racks: number,
  system: RackShape,
): PlacementResult {
  const domain = system.nvlinkDomainGpus.value
  const perTray = system.gpusPerTray.value
  const free = Array.from({ length: racks }, () => Array.from({ length: domain }, (_, gpu) => gpu))
  const placed: Placement[] = []
  const refused: { group: number; reason: string; hint: string }[] = []
  for (const group of order) {
    const { count, gpus, name } = groups[group]
    if (gpus > domain) {
      const reason = `engine ${name} needs ${gpus} GPUs, more than the ${domain} of one NVLink domain`
      refused.push({ group, reason, hint: `cut the engine into at most ${domain} GPUs; engines do not span racks` })
      continue
    }
    for (let instance = 0; instance < count; instance++) {
      const found = firstFit(free, gpus, perTray)
      if (!found) {
        const left = free.reduce((sum, rack) => sum + rack.length, 0)
        const reason = `only ${instance} of ${count} engines ${name} (${gpus} GPUs each) fit: ${left} GPUs are left over, none of the racks has ${gpus}`
        const fewer = instance > 0 ? `lower count to ${instance}` : 'lower the counts of the other engines'
        refused.push({ group, reason, hint: `${fewer}, or raise racks (${racks} x ${domain} GPUs now)` })
        break
      }
      placed.push({
        group,
        rack: found.rack,
        gpus: found.gpus,
        trays: [...new Set(found.gpus.map((gpu) => Math.floor(gpu / perTray)))],
      })
    }
  }
  return { placed, refused }
}

/** Takes the GPUs out of `free`. Whole-tray preference first, then any GPUs of one rack: NVLink is one hop between any two. */
function firstFit(free: number[][], gpus: number, perTray: number): { rack: number; gpus: number[] } | null {
  for (const withinTray of gpus <= perTray ? [true, false] : [false]) {
    for (let rack = 0; rack < free.length; rack++) {
      const list = free[rack]
      if (list.length < gpus) continue
      const from = withinTray ? runInTray(list, gpus, perTray) : 0
      if (from >= 0) return { rack, gpus: list.splice(from, gpus) }
    }
  }
  return null
}

/** Position in the ascending list from which `gpus` neighbours share one tray, or -1. */
function runInTray(list: readonly number[], gpus: number, perTray: number): number {
  for (let i = 0; i + gpus <= list.length; i++) {
    if (Math.floor(list[i] / perTray) === Math.floor(list[i + gpus - 1] / perTray)) return i
  }
  return -1
}

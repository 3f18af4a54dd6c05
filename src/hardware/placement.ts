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

/**
 * First fit in rack order, groups in the order of the scenario. An engine that fits one tray is kept within a tray where the tray's
 * remaining GPUs are too few for it, so that a lost tray costs as few engines as possible.
 */
export function placeEngines(groups: readonly EngineGroup[], racks: number, system: RackShape): PlacementResult {
  const domain = system.nvlinkDomainGpus.value
  const perTray = system.gpusPerTray.value
  const free = Array.from({ length: racks }, () => Array.from({ length: domain }, (_, gpu) => gpu))
  const placed: Placement[] = []
  const refused: { group: number; reason: string; hint: string }[] = []
  groups.forEach(({ count, gpus, name }, group) => {
    if (gpus > domain) {
      const reason = `engine ${name} needs ${gpus} GPUs, more than the ${domain} of one NVLink domain`
      refused.push({ group, reason, hint: `cut the engine into at most ${domain} GPUs; engines do not span racks` })
      return
    }
    for (let instance = 0; instance < count; instance++) {
      const found = firstFit(free, gpus, perTray)
      if (!found) {
        const left = free.reduce((sum, rack) => sum + rack.length, 0)
        const reason = `only ${instance} of ${count} engines ${name} (${gpus} GPUs each) fit: ${left} GPUs are left over, none of the racks has ${gpus}`
        const fewer = instance > 0 ? `lower count to ${instance}` : 'lower the counts of the other engines'
        refused.push({ group, reason, hint: `${fewer}, or raise racks (${racks} x ${domain} GPUs now)` })
        return
      }
      placed.push({
        group,
        rack: found.rack,
        gpus: found.gpus,
        trays: [...new Set(found.gpus.map((gpu) => Math.floor(gpu / perTray)))],
      })
    }
  })
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

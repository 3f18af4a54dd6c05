import type { SplitMachine } from './machine.js'

/** Sequences that there is room for at first; grows by doubling. */
const FIRST_ROOM = 64

/** What a planner keeps of a machine: made when it first plans for it, and anew when a batch has more sequences than there was `room` for. */
export function perMachine<T>(make: (machine: SplitMachine, room: number) => T): (machine: SplitMachine, sequences: number) => T {
  const known = new Map<SplitMachine, { readonly made: T; readonly room: number }>()
  return (machine, sequences) => {
    const kept = known.get(machine)
    if (kept !== undefined && kept.room >= sequences) return kept.made
    const room = Math.max(FIRST_ROOM, 2 ** Math.ceil(Math.log2(sequences)))
    const made = make(machine, room)
    known.set(machine, { made, room })
    return made
  }
}

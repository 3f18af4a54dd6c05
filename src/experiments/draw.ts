/** Which draw of traffic a run is of. */
export interface Draw {
  readonly part: 'train' | 'validation' | 'test'
  readonly mode: 'draw' | 'mix'
  readonly replicate: number
}

/** The first draw that is judged: what `run` makes of superposed traffic, too. */
export const FIRST_DRAW: Draw = { part: 'test', mode: 'draw', replicate: 0 }

/** Names the random numbers of policies (`createArm`): the same for all arms on one draw of traffic, others on every other draw. */
export const runName = (seed: number, { part, mode, replicate }: Draw): string => `${seed}/${part}/${mode}/${replicate}`

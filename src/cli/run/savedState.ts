/** The state of a run in a file: saved where the run stops, and taken up by another run of the same scenario and trace, with the same arm or another. */
import { readFileSync } from 'node:fs'
import { gunzipSync, gzipSync } from 'node:zlib'
import { decode, encode } from '@msgpack/msgpack'
import { PolicyError, UserError } from '../../errors.js'
import { refuseEndless } from '../../textFile.js'
import { writeWhole } from '../../traces/write/file.js'

const KIND = 'shapewise-state'
const VERSION = 2

/** What must be the same for a state to mean anything. */
export interface StateOf {
  readonly state_hash: string
  readonly trace_hash: string
}

export interface SavedState extends StateOf {
  readonly arm: string
  readonly timeNs: number
  /** Indices of the requests that had left by then. */
  readonly left: Int32Array
  readonly snapshot: Uint8Array
}

export async function writeState(path: string, saved: SavedState): Promise<void> {
  const { state_hash, trace_hash, arm, timeNs, left, snapshot } = saved
  const leftBytes = new Uint8Array(left.buffer, left.byteOffset, left.byteLength)
  const bytes = encode({ kind: KIND, version: VERSION, state_hash, trace_hash, arm, timeNs, left: leftBytes, snapshot })
  await writeWhole(path, [gzipSync(bytes, { level: 3 })])
}

const damaged = (path: string): UserError =>
  new UserError({
    where: `--warm-from ${path}`,
    message: 'this is no saved state, or it is damaged',
    hint: 'make one with `shapewise run SCENARIO --stop-at SECONDS --save-state FILE`',
  })

/** The state in a file, when it is one of this plan and this trace. */
export function readState(path: string, of: StateOf): SavedState {
  let packed: Uint8Array
  try {
    refuseEndless(path)
    packed = readFileSync(path)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new UserError({
      where: `--warm-from ${path}`,
      message: `cannot be read (${code ?? message})`,
      hint: 'name a file that `run --save-state` wrote',
    })
  }
  let image: Record<string, unknown>
  try {
    image = decode(new Uint8Array(gunzipSync(packed))) as Record<string, unknown>
  } catch {
    throw damaged(path)
  }
  if (image?.kind !== KIND) throw damaged(path)
  if (image.version !== VERSION)
    throw new UserError({
      where: `--warm-from ${path}`,
      message: `the state has version ${image.version}; this version of Shapewise reads ${VERSION}`,
      hint: 'save it anew',
    })
  for (const [key, what] of [
    ['state_hash', 'plan'],
    ['trace_hash', 'trace'],
  ] as const)
    if (image[key] !== of[key])
      throw new UserError({
        where: `--warm-from ${path}`,
        message: `it is the state of another ${what}: ${image[key]}, here ${of[key]}`,
        hint: 'only the arms may differ; save a state with this scenario and trace, or run without --warm-from',
      })
  const { arm, timeNs, left, snapshot } = image
  const isTime = Number.isSafeInteger(timeNs) && (timeNs as number) >= 0
  const isWhole = typeof arm === 'string' && isTime && snapshot instanceof Uint8Array
  if (!isWhole || !(left instanceof Uint8Array) || left.length % Int32Array.BYTES_PER_ELEMENT !== 0) throw damaged(path)
  return { ...(image as unknown as SavedState), left: new Int32Array(left.slice().buffer as ArrayBuffer) }
}

/** Throws where the requests that had left by then are not among the first `count`. */
export function demandLeft({ left }: SavedState, path: string, count: number): void {
  if (left.some((request) => request < 0 || request >= count)) throw damaged(path)
}

/** Goes on from the state in a file: `restore` tells of its snapshot, and the user knows the file. */
export function takeUp(path: string, restore: () => void): void {
  try {
    restore()
  } catch (error) {
    if (error instanceof PolicyError) throw error
    // a whole state of this plan is taken up without errors
    if (!(error instanceof UserError)) throw damaged(path)
    throw new UserError(
      error.faults.map((fault) => (fault.where === 'snapshot' ? { ...fault, where: `--warm-from ${path}` } : fault)),
    )
  }
}

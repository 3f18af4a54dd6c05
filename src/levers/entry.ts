/** A row of the catalogue: the name of a policy, its arguments, and how it is made from their values. */

/** One argument of a policy. Named arguments are written `name=value`, the others by position. */
export interface Parameter {
  readonly name: string
  readonly unit: string
  readonly named?: boolean
  readonly whole?: boolean
  readonly powerOfTwo?: boolean
  readonly min: number
  readonly max: number
  /** Value when it is left out; without one it must be given. */
  readonly otherwise?: number
  /** Another argument, without which (at its value when left out) giving this one has no effect; `says` completes the sentence about it. */
  readonly beside?: { readonly name: string; readonly says: string; readonly remedy: string }
  /** The argument is one of these words; its value is the place of the word in the list. */
  readonly words?: readonly string[]
}

export interface Entry<P> {
  readonly name: string
  readonly parameters: readonly Parameter[]
  readonly example: readonly number[]
  /** `run` as for `createArm`; what draws nothing leaves it out. */
  make(values: readonly number[], run: string): P
}

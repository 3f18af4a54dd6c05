type Column = Float64Array | Int32Array | Uint16Array | Uint8Array

/** A column of the same kind and of `length` elements (default: twice as many) that begins with those of `old`; the new ones are 0. */
export function grown<T extends Column>(old: T, length = 2 * old.length): T {
  const fresh = new (old.constructor as new (length: number) => T)(length)
  fresh.set(old)
  return fresh
}

/** Whole numbers as zigzag variable-length bytes of their differences: small for sorted and for small columns. Exact to 2^53. */

/** Bytes of the successive differences (`delta`) or of the values themselves. Values must be whole and below 2^52 in size. */
export function packWhole(values: ArrayLike<number>, delta: boolean): Uint8Array {
  let bytes = new Uint8Array(Math.max(64, values.length * 4))
  let at = 0
  let previous = 0
  for (let i = 0; i < values.length; i++) {
    const value = values[i] - previous
    if (delta) previous = values[i]
    if (at + 8 > bytes.length) {
      const grown = new Uint8Array(bytes.length * 2)
      grown.set(bytes)
      bytes = grown
    }
    let rest = value < 0 ? -2 * value - 1 : 2 * value
    while (rest >= 128) {
      bytes[at++] = (rest % 128) + 128
      rest = Math.floor(rest / 128)
    }
    bytes[at++] = rest
  }
  return bytes.slice(0, at)
}

/** Reads exactly `into.length` numbers; false when the bytes hold fewer or more, or a number above 2^53. */
export function unpackWhole(bytes: Uint8Array, delta: boolean, into: Float64Array | Int32Array | Uint16Array): boolean {
  let at = 0
  let previous = 0
  for (let i = 0; i < into.length; i++) {
    let rest = 0
    let scale = 1
    for (;;) {
      if (at >= bytes.length || scale > 2 ** 49) return false
      const byte = bytes[at++]
      rest += (byte & 127) * scale
      if (byte < 128) break
      scale *= 128
    }
    const value = rest % 2 === 0 ? rest / 2 : -(rest + 1) / 2
    previous = delta ? previous + value : value
    into[i] = previous
    if (into[i] !== previous || !Number.isSafeInteger(previous) || rest > 2 ** 53) return false
  }
  return at === bytes.length
}

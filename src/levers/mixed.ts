/** 32 well-mixed bits of two whole numbers (the finaliser of MurmurHash3, A. Appleby, public domain): a draw that is the same on every machine. */
export function mixed(a: number, b: number): number {
  let bits = Math.imul(a, 0x9e3779b1) ^ (b % 2 ** 32)
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}

/**
 * The batch language of `explain`: comma-separated items, each decode sequences `NxLENGTH` (N sequences of LENGTH KV tokens) or a
 * prefill chunk `chunk=TOKENS@PREFIX` (`@PREFIX` may be left out: 0). Example: `64x8192,chunk=2048@0`.
 */
import { UserError } from '../../errors.js'

export interface BatchText {
  /** Decoding sequences and the sum of their KV lengths. */
  readonly sequences: number
  readonly kvTokens: number
  /** KV length of each sequence, ascending. */
  readonly lengths: readonly number[]
  readonly chunks: readonly { readonly tokens: number; readonly prefix: number }[]
}

const LARGEST = 100_000_000

function whole(text: string, item: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (value <= LARGEST) return value
  throw new UserError({
    where: '--batch',
    message: `'${item}': expected a whole number up to ${LARGEST}, got '${text}'`,
    hint: 'for example --batch 64x8192,chunk=2048@0',
  })
}

export function parseBatch(text: string): BatchText {
  const lengths: number[] = []
  const chunks: { tokens: number; prefix: number }[] = []
  for (const item of text.split(',')) {
    const decode = /^\s*([^x=@]+)x([^x=@]+)\s*$/.exec(item)
    const chunk = /^\s*chunk=([^@]+)(?:@(.+))?\s*$/.exec(item)
    if (decode) {
      const count = whole(decode[1].trim(), item)
      const length = whole(decode[2].trim(), item)
      if (count < 1 || count > 65_536 || length < 1) {
        throw new UserError({
          where: '--batch',
          message: `'${item}': expected 1 to 65536 sequences of at least 1 token`,
          hint: 'for example 64x8192',
        })
      }
      for (let i = 0; i < count; i++) lengths.push(length)
    } else if (chunk) {
      const tokens = whole(chunk[1].trim(), item)
      if (tokens < 1)
        throw new UserError({
          where: '--batch',
          message: `'${item}': a chunk has at least 1 token`,
          hint: 'for example chunk=2048@0',
        })
      chunks.push({ tokens, prefix: chunk[2] === undefined ? 0 : whole(chunk[2].trim(), item) })
    } else {
      throw new UserError({
        where: '--batch',
        message: `cannot read '${item}'`,
        hint: 'write NxLENGTH or chunk=TOKENS@PREFIX, separated by commas: 64x8192,chunk=2048@0',
      })
    }
  }
  lengths.sort((a, b) => a - b)
  return { sequences: lengths.length, kvTokens: lengths.reduce((sum, length) => sum + length, 0), lengths, chunks }
}

/** zstd files are read like plain ones, in constant memory, and damage never becomes a row. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { UserError } from '../src/errors.js'
import { readTrace } from '../src/traces/index.js'

const folder = mkdtempSync(join(tmpdir(), 'traces-compressed-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const ROWS = 40
const csv = (rows: number): string =>
  [
    'arrival_s,input_tokens,output_tokens',
    ...Array.from({ length: rows }, (_, i) => `${i},${100 + ((i * 31) % 977)},${1 + ((i * 13) % 89)}`),
    '',
  ].join('\n')

/** `csv(ROWS)` by `zstd -19`, with its checksum. */
const WHOLE = Buffer.from(
  'KLUv/WSoAJ0HAFbYNheAqaA5sNjHPoQoYIbgTURERPpHkebSAzgALAAuAKMnZ9FZobEDv5yvd5vNVrJr5qqoachUnOfkaZEsFbLoQcHghIKAAYOD4aBwUCBwgoEAYEEAAQEg+Mh7SNFOu1NaNc6NUqFv2CdN2c42KdkllZyETdK8B+uRmi1Vi3RqIR3zQDqChCyoM48xHtMb59RypDFOBz8xvumwDXObXl2V15RokpymYp7EZ2q4TClxMRUBpXuIHlRhi6CTirTAGak1D5qPKnKK2aiYI8pFLfxKJqrcJvJQs5YTslCNDgkokFsHkNsdQuQ3bN9twum1NlIaA3zROHA=',
  'base64',
)

/** A frame of raw blocks (RFC 8878), which needs no compressor. */
function rawFrame(text: string): Buffer {
  const content = Buffer.from(text)
  // one segment, its size in 4 bytes, no checksum
  const parts = [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0b1010_0000]), Buffer.alloc(4)]
  parts[1].writeUInt32LE(content.length)
  for (let at = 0; at < content.length; at += 1 << 16) {
    const block = content.subarray(at, at + (1 << 16))
    const head = Buffer.alloc(3)
    head.writeUIntLE((block.length << 3) | (at + block.length === content.length ? 1 : 0), 0, 3)
    parts.push(head, block)
  }
  return Buffer.concat(parts)
}

async function read(content: Uint8Array) {
  const path = join(folder, 'trace.csv')
  writeFileSync(path, content)
  return (await readTrace(path, { spreadTicks: true })).workload
}

const faultOf = async (content: Uint8Array): Promise<UserError['faults'][0]> => {
  const error = await read(content).then(
    (workload) => `${workload.count} rows were read`,
    (reason: unknown) => reason,
  )
  if (error instanceof UserError) return error.faults[0]
  throw new Error(String(error))
}

describe('zstd', () => {
  it('is told by content and read whole, in one frame or several', async () => {
    const plain = await read(Buffer.from(csv(ROWS)))
    expect(plain.count).toBe(ROWS)
    expect(await read(WHOLE)).toEqual(plain)
    expect(await read(rawFrame(csv(ROWS)))).toEqual(plain)
    const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 7, 7])
    const lines = csv(ROWS).split(/(?<=\n)/)
    const inParts = [rawFrame(lines.slice(0, 9).join('')), skippable, rawFrame(lines.slice(9).join(''))]
    expect(await read(Buffer.concat(inParts))).toEqual(plain)
    expect(await read(Buffer.concat([WHOLE, rawFrame('40,7,7\n')]))).toMatchObject({ count: ROWS + 1 })
  })

  it('cut off anywhere says so, with the rows before the cut', async () => {
    for (let bytes = 4; bytes < WHOLE.length; bytes++)
      expect((await faultOf(WHOLE.subarray(0, bytes))).message).toMatch(/^the zstd file is cut off: it ends after \d+ rows?$/)
    const long = rawFrame(csv(200_000))
    const { message, hint } = await faultOf(long.subarray(0, long.length - 9))
    const rows = Number(/after (\d+) rows/.exec(message)?.[1])
    expect(rows).toBeGreaterThan(190_000)
    expect(hint).toBe('copy or download it again; `zstd -t` tells whether it is whole')
  })

  it('damaged anywhere never ends in a wrong row', async () => {
    const original = await read(WHOLE)
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: WHOLE.length - 1 }), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const bytes = Buffer.from(WHOLE)
        bytes[at] ^= change
        const outcome = await read(bytes).catch((error: unknown) => error)
        if (!(outcome instanceof UserError)) expect(outcome).toEqual(original)
      }),
      { numRuns: 150, seed: 1 },
    )
    const flipped = Buffer.from(WHOLE)
    flipped[WHOLE.length >> 1] ^= 16
    expect(await faultOf(flipped)).toEqual({
      where: join(folder, 'trace.csv'),
      message: 'the zstd file is damaged: 0 rows were read before that showed',
      hint: 'copy or download it again; `zstd -t` tells whether it is whole; a window above 128 MiB (`zstd --long=28` and up) is not read',
    })
    expect((await faultOf(Buffer.concat([WHOLE, Buffer.from('more and more')]))).message).toMatch(/^the zstd file is damaged/)
  })
})

/**
 * The file of kernel times: one binary per system. Layout: `SWT2`, uint32 LE length of the index, the index (JSON, see
 * `FileIndex`), then 16-bit codes, one per knot of every site of every sheet (the last axis runs fastest). A code is log2(us) on
 * a grid of 1/2048 octave from 2^-2 us, so a stored value is within 0.02 % of the value it was made from and order is kept; 0 =
 * beyond the measured sizes. Values are decoded only for the sites that are asked for.
 */
import { UserError } from '../../errors.js'

const MAGIC = 'SWT2'
const CODES_PER_OCTAVE = 2048
const FIRST_OCTAVE = -2
const ABSENT = 0

export interface SheetSource {
  readonly name: string
  /** Column names of a site, in the order of its name. */
  readonly columns: readonly string[]
  readonly axes: readonly { readonly name: string; readonly knots: readonly number[] }[]
  readonly sites: readonly string[]
  /** Natural log of us, [site][axes...]; NaN beyond the measured sizes. */
  readonly logUs: Float64Array
}

interface FileIndex {
  readonly notice: readonly string[]
  readonly system: string
  readonly sheets: readonly {
    readonly name: string
    readonly columns: readonly string[]
    readonly axes: readonly { readonly name: string; readonly knots: readonly number[] }[]
    readonly sites: readonly string[]
  }[]
}

/** All sites of one measured family. */
export interface Sheet {
  readonly name: string
  readonly columns: readonly string[]
  readonly sites: readonly (readonly string[])[]
  /** Natural log of the knots of each axis. */
  readonly logKnots: readonly Float64Array[]
  /** Natural log of us on the knots of all axes, NaN beyond the measured sizes; null when the site is unknown. */
  block(site: string): Float64Array | null
}

export interface KernelTable {
  readonly system: string
  readonly notice: readonly string[]
  readonly sheets: readonly Sheet[]
  has(name: string): boolean
  /** Throws UserError when the table has no such family. */
  sheet(name: string): Sheet
}

const encode = (logUs: number): number =>
  Number.isNaN(logUs) ? ABSENT : Math.min(65535, Math.max(1, Math.round((logUs / Math.LN2 - FIRST_OCTAVE) * CODES_PER_OCTAVE)))
const decode = (code: number): number => (code === ABSENT ? Number.NaN : (code / CODES_PER_OCTAVE + FIRST_OCTAVE) * Math.LN2)

export function encodeTable(system: string, notice: readonly string[], sheets: readonly SheetSource[]): Uint8Array {
  const index: FileIndex = { notice, system, sheets: sheets.map(({ logUs, ...rest }) => rest) }
  let text = JSON.stringify(index)
  text += ' '.repeat(Buffer.byteLength(text) % 2)
  const indexBytes = Buffer.from(text)
  const codes = sheets.reduce((sum, { logUs }) => sum + logUs.length, 0)
  const file = Buffer.alloc(8 + indexBytes.length + 2 * codes)
  file.write(MAGIC, 0, 'latin1')
  file.writeUInt32LE(indexBytes.length, 4)
  indexBytes.copy(file, 8)
  let at = 8 + indexBytes.length
  for (const { logUs } of sheets) for (let i = 0; i < logUs.length; i++, at += 2) file.writeUInt16LE(encode(logUs[i]), at)
  return file
}

function openSheet(index: FileIndex['sheets'][number], file: Buffer, start: number): Sheet {
  const logKnots = index.axes.map(({ knots }) => Float64Array.from(knots, Math.log))
  const size = logKnots.reduce((product, knots) => product * knots.length, 1)
  // a plan asks for few of the sheets: what is derived of a sheet is made when it is asked for
  let at: Map<string, number> | undefined
  let sites: (readonly string[])[] | undefined
  const indexOf = (site: string): number | undefined => {
    at ??= new Map(index.sites.map((name, i) => [name, i]))
    return at.get(site)
  }

  function block(site: string): Float64Array | null {
    const i = indexOf(site)
    if (i === undefined) return null
    const values = new Float64Array(size)
    for (let k = 0; k < size; k++) values[k] = decode(file.readUInt16LE(start + 2 * (i * size + k)))
    return values
  }
  return {
    name: index.name,
    columns: index.columns,
    get sites() {
      sites ??= index.sites.map((site) => site.split('/'))
      return sites
    },
    logKnots,
    block,
  }
}

export function decodeTable(bytes: Uint8Array): KernelTable {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (file.toString('latin1', 0, 4) !== MAGIC)
    throw new UserError({ where: 'data/timing', message: 'this is not a file of kernel times' })
  const indexLength = file.readUInt32LE(4)
  const index = JSON.parse(file.toString('utf8', 8, 8 + indexLength)) as FileIndex
  let start = 8 + indexLength
  const sheets = index.sheets.map((sheet) => {
    const opened = openSheet(sheet, file, start)
    start += 2 * sheet.axes.reduce((product, { knots }) => product * knots.length, sheet.sites.length)
    return opened
  })
  const byName = new Map(sheets.map((sheet) => [sheet.name, sheet]))
  return {
    system: index.system,
    notice: index.notice,
    sheets,
    has: (name) => byName.has(name),
    sheet(name) {
      const sheet = byName.get(name)
      if (!sheet)
        throw new UserError({ where: 'engines', message: `the kernel tables of ${index.system} have no rows of ${name}` })
      return sheet
    },
  }
}

/**
 * Requests drawn from a ServeGen pool. In each window a client sends rate x length requests, as recorded; its law of gaps says how they clump: gaps
 * are drawn from the law and stretched to fill the window. Input and output lengths are drawn independently (the publisher draws both from one
 * random number, which ranks them alike within a client). One stream per client, window and purpose: other hours, clients or scales leave the rest alone.
 */
import { UserError } from '../../errors.js'
import { type Rng, stream } from '../../rng.js'
import { NS_PER_S } from '../../units.js'
import { pick, timeOrder } from '../columns.js'
import { type Pmf, pmfQuantile } from '../servegen/pmf.js'
import { KINDS, type LengthWindow, type Pool, type PoolClient, type RateWindow } from '../servegen/pool.js'
import { type Provenance, shapesOnly, type Workload } from '../workload.js'
import { gapsOf } from './arrivals.js'
import { MOST_REQUESTS } from './recipe.js'

const HOUR_S = 3600
const LARGEST_TOKENS = 2 ** 31 - 1

export interface PoolDraw {
  /** Hour from midnight of the first day, >= 0. */
  readonly fromHour: number
  /** > 0. */
  readonly hours: number
  /** Times the recorded rates, > 0. */
  readonly scale: number
  readonly seed: number | string
}

/** A workload that begins at `fromHour`; the tenant of a request is the number of its client. Throws `UserError` for hours that the pool does not have. */
export function drawFromPool(pool: Pool, draw: PoolDraw): Workload {
  const { fromHour, hours, scale } = draw
  const poolHours = (pool.windowS * pool.windowCount) / HOUR_S
  if (fromHour + hours > poolHours) {
    throw new UserError({
      where: pool.name,
      message: `the pool has ${poolHours} hours; hours ${fromHour} to ${fromHour + hours} are not in it`,
      hint: 'choose an earlier hour, or fewer hours',
    })
  }
  const period = { fromS: fromHour * HOUR_S, toS: (fromHour + hours) * HOUR_S }
  const active = pool.clients.flatMap((client) =>
    client.windows
      .filter(({ startS }) => startS + pool.windowS > period.fromS && startS < period.toS)
      .map((window) => ({ client, window })),
  )
  const most = active.reduce((sum, { window }) => sum + Math.ceil(window.ratePerS * pool.windowS * scale), 0)
  if (most > MOST_REQUESTS) {
    throw new UserError({
      where: pool.name,
      message: `about ${Math.round(most / 1e6)} million requests would be drawn; ${MOST_REQUESTS / 1e6} million are the most`,
      hint: 'take fewer hours, or a scale below 1',
    })
  }
  const drawn = createDrawn(most)
  let borrowed = 0
  for (const { client, window } of active) {
    const lengths = lengthsAt(client, window.startS)
    if (lengths === null) continue
    if (lengths.borrowed) borrowed++
    drawWindow(drawn, client.id, window, lengths.fields, period, pool.windowS, draw)
  }
  if (drawn.count === 0) {
    throw new UserError({
      where: pool.name,
      message: 'no client of the pool sends anything in these hours',
      hint: 'choose other hours, or a larger scale',
    })
  }
  return drawn.workload({
    name: pool.name,
    format: 'generated',
    note:
      `Drawn from the ServeGen pool ${pool.name} (${pool.clients.length} clients, hours ${fromHour} to ${fromHour + hours}, scale ${scale}); ` +
      `input and output lengths are independent.${borrowed === 0 ? '' : ` ${borrowed} windows had no lengths of their own and took the nearest ones.`}`,
    rowsRead: 0,
    rowsSkipped: 0,
  })
}

interface Period {
  readonly fromS: number
  readonly toS: number
}

function drawWindow(
  into: ReturnType<typeof createDrawn>,
  client: number,
  window: RateWindow,
  fields: LengthWindow['fields'],
  { fromS, toS }: Period,
  windowS: number,
  { scale, seed }: PoolDraw,
): void {
  const where = `servegen/client-${client}/${window.startS}`
  const arrivals = stream(seed, `${where}/arrivals`)
  const lengths = stream(seed, `${where}/lengths`)
  const mean = window.ratePerS * windowS * scale
  const count = Math.floor(mean) + (arrivals.uniform() < mean - Math.floor(mean) ? 1 : 0)
  if (count === 0) return
  const gap = gapsOfLaw(window, arrivals)
  // one gap more than requests: the window does not end with one
  const ends = new Float64Array(count + 1)
  let total = 0
  for (let i = 0; i <= count; i++) {
    total += gap()
    ends[i] = total
  }
  for (let i = 0; i < count; i++) {
    const isl = inputTokens(fields, lengths)
    const osl = fieldTokens(fields, 'output_tokens', lengths)
    const timeS = window.startS + (ends[i] / total) * windowS
    if (timeS >= fromS && timeS < toS) into.add(Math.floor((timeS - fromS) * NS_PER_S), isl, osl, client)
  }
}

/** Gaps of the window's law at an arbitrary scale. */
function gapsOfLaw({ family, shape }: RateWindow, rng: Rng): () => number {
  if (family === 'weibull') return () => rng.exponential() ** (1 / shape)
  return gapsOf({ law: 'gamma', cv: 1 / Math.sqrt(shape) }, 1, rng)
}

function inputTokens(fields: LengthWindow['fields'], rng: Rng): number {
  if (fields.has('input_tokens')) return fieldTokens(fields, 'input_tokens', rng)
  let tokens = fields.has('text_tokens') ? fieldTokens(fields, 'text_tokens', rng) : 0
  for (const kind of KINDS) {
    const one = fields.get(`${kind}_tokens`)
    const many = fields.get(`${kind}_count`)
    if (one === undefined || many === undefined) continue
    const pieces = Math.round(pmfQuantile(many, rng.uniform()))
    for (let piece = 0; piece < pieces; piece++) tokens += Math.round(pmfQuantile(one, rng.uniform()))
  }
  return Math.min(LARGEST_TOKENS, Math.max(1, tokens))
}

function fieldTokens(fields: LengthWindow['fields'], field: string, rng: Rng): number {
  return Math.min(LARGEST_TOKENS, Math.max(1, Math.round(pmfQuantile(fields.get(field) as Pmf, rng.uniform()))))
}

/** Distributions of the length window that holds `atS`, or of the nearest one that has any; null when the client has none at all. */
function lengthsAt(client: PoolClient, atS: number): { fields: LengthWindow['fields']; borrowed: boolean } | null {
  const usable = client.lengths.filter(
    ({ fields }) => fields.has('output_tokens') && (fields.has('input_tokens') || fields.has('text_tokens')),
  )
  if (usable.length === 0) return null
  const own = client.lengths.filter(({ startS }) => startS <= atS).at(-1)
  if (own !== undefined && usable.includes(own)) return { fields: own.fields, borrowed: false }
  const nearest = usable.reduce((best, window) => (Math.abs(window.startS - atS) < Math.abs(best.startS - atS) ? window : best))
  return { fields: nearest.fields, borrowed: true }
}

/** Columns for at most `most` requests, in any order of time. */
function createDrawn(most: number) {
  const timeNs = new Float64Array(most)
  const isl = new Int32Array(most)
  const osl = new Int32Array(most)
  const tenant = new Int32Array(most)
  const drawn = {
    count: 0,
    add(time: number, input: number, output: number, client: number): void {
      const i = drawn.count++
      timeNs[i] = time
      isl[i] = input
      osl[i] = output
      tenant[i] = client
    },
    workload(provenance: Provenance): Workload {
      const order = timeOrder(timeNs.subarray(0, drawn.count))
      const shapes = shapesOnly(pick(timeNs, order), pick(isl, order), pick(osl, order), provenance)
      return { ...shapes, tenant: pick(tenant, order) }
    },
  }
  return drawn
}

/** Request shapes: the input length first, the output length given it. Two uniform draws a shape, and one for its kind where there are kinds. */
import { readFileSync } from 'node:fs'
import { UserError } from '../../errors.js'
import type { Rng } from '../../rng.js'
import { type Law, type LawSpec, lawOf } from './laws.js'
import { normalCdf, normalQuantile } from './normal.js'
import { firstAbove, picker } from './picker.js'

export type LengthSpec =
  /** A published table, by name. */
  | { readonly table: string }
  | {
      readonly isl: LawSpec
      readonly osl: LawSpec | LawsByBin
      /** Correlation of the Gaussian copula that joins the two; 0 when left out. */
      readonly rho?: number
    }
  | MixedLengths

/** Kinds of requests of which each has a share that changes over time: step i, which ends `until_s[i]` s after the start, has `shares[i]`. */
export interface MixedLengths {
  readonly kinds: readonly PlainLengths[]
  readonly until_s: readonly number[]
  readonly shares: readonly (readonly number[])[]
}

export type PlainLengths = Exclude<LengthSpec, MixedLengths>

/** A law for each bin of another number: bin i holds those in (edges[i], edges[i + 1]], the outer bins all beyond. */
export interface LawsByBin {
  readonly edges: readonly number[]
  readonly laws: readonly LawSpec[]
}

export interface Shape {
  readonly isl: number
  readonly osl: number
}

/** The shape of a request that comes at `timeS`. */
export type Shapes = (rng: Rng, timeS: number) => Shape

/** Draws after which a limit is called impossible. */
const MOST_TRIES = 10_000

/**
 * Whole lengths >= 1 with isl + osl <= longest; longer ones are drawn anew, so the tail is cut and not piled up at the limit. `factor`
 * stretches both lengths (a client whose requests are longer than others').
 */
export function shapesOf(spec: LengthSpec, longest: number, factor = 1): Shapes {
  if ('kinds' in spec) return mixedShapes(spec, longest, factor)
  const draw = pairsOf(spec)
  return (rng) => {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const { isl: input, osl: output } = draw(rng.uniform(), rng.uniform())
      const isl = Math.max(1, Math.round(input * factor))
      const osl = Math.max(1, Math.round(output * factor))
      if (isl + osl <= longest) return { isl, osl }
    }
    throw new UserError({
      where: 'lengths',
      message: `${MOST_TRIES} draws in a row were longer than max_tokens, ${longest}`,
      hint: 'raise max_tokens, or give shorter lengths',
    })
  }
}

function mixedShapes({ kinds, until_s: untilS, shares }: MixedLengths, longest: number, factor: number): Shapes {
  const drawKind = kinds.map((kind) => shapesOf(kind, longest, factor))
  const pick = shares.map(picker)
  const periodS = untilS[untilS.length - 1]
  return (rng, timeS) => {
    const at = timeS % periodS
    const kind = pick[firstAbove(untilS, at)](rng.uniform())
    return drawKind[Math.min(kind, kinds.length - 1)](rng, timeS)
  }
}

type Pairs = (u: number, v: number) => Shape

function pairsOf(spec: PlainLengths): Pairs {
  const { isl, osl, rho = 0 } = 'table' in spec ? publishedLengths(spec.table) : spec
  const input = lawOf(isl).quantile
  if (typeof osl === 'object' && 'edges' in osl) {
    const given = lawsByBin(osl)
    return (u, v) => {
      const length = Math.max(1, Math.round(input(u)))
      return { isl: length, osl: given(length).quantile(v) }
    }
  }
  const output = lawOf(osl).quantile
  if (rho === 0) return (u, v) => ({ isl: input(u), osl: output(v) })
  return (u, v) => ({ isl: input(u), osl: output(coupled(u, v, rho)) })
}

/** The law for a number, by its bin. */
export function lawsByBin({ edges, laws }: LawsByBin): (number: number) => Law {
  const made = laws.map(lawOf)
  return (number) => {
    let bin = 0
    while (bin + 2 < edges.length && number > edges[bin + 1]) bin++
    return made[bin]
  }
}

const inside = (u: number): number => Math.min(Math.max(u, 2 ** -33), 1 - 2 ** -33)

/** A uniform number from v, joined to u by a Gaussian copula of correlation rho. */
const coupled = (u: number, v: number, rho: number): number =>
  normalCdf(rho * normalQuantile(inside(u)) + Math.sqrt(1 - rho ** 2) * normalQuantile(inside(v)))

interface PublishedTables {
  readonly percentages: readonly number[]
  readonly osl_percentages: readonly number[]
  readonly tables: Readonly<
    Record<
      string,
      {
        readonly isl: readonly number[]
        readonly isl_edges: readonly number[]
        readonly osl_given_isl: readonly (readonly number[])[]
      }
    >
  >
}

let published: PublishedTables | null = null

function publishedTables(): PublishedTables {
  published ??= JSON.parse(readFileSync(new URL('../../../data/workloads/length-tables.json', import.meta.url), 'utf8'))
  return published as PublishedTables
}

/** Names of the tables of data/workloads/length-tables.json. */
export const publishedNames = (): readonly string[] => Object.keys(publishedTables().tables)

function publishedLengths(name: string): { isl: LawSpec; osl: LawsByBin; rho?: number } {
  const { percentages: p, osl_percentages, tables } = publishedTables()
  const { isl, isl_edges: edges, osl_given_isl } = tables[name]
  return { isl: { p, x: isl }, osl: { edges, laws: osl_given_isl.map((x) => ({ p: osl_percentages, x })) } }
}

/**
 * Knots of our own. Shipped tables keep one knot per measured point or a few more, an eighth of an octave beside the round sizes, so that
 * reading them at a round size gives back the measured curve; slices of a plan use denser and longer knots.
 */

/** Distance of the knots of a table from the round sizes. */
export const KNOT_SHIFT_OCTAVES = 1 / 8

/** Pieces [from, knots per octave] of one ladder, up to and including the first knot at or above `last`. */
function ladder(first: number, pieces: readonly (readonly [number, number])[], last: number): number[] {
  const knots = [first]
  pieces.forEach(([from, perOctave], piece) => {
    const until = pieces[piece + 1]?.[0] ?? last
    for (let i = 0; ; i++) {
      const knot = from * 2 ** (i / perOctave + KNOT_SHIFT_OCTAVES)
      if (piece < pieces.length - 1 && knot >= until) break
      knots.push(Number(knot.toPrecision(6)))
      if (knot >= last) break
    }
  })
  return knots
}

/** Rows of a GEMM at which one more row starts another tile of 16, 32 or 256 rows. */
export const TILE_EDGES = [
  ...[16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256],
  ...Array.from({ length: 16 }, (_, i) => 256 * (i + 2)),
  ...[8192, 16384, 32768],
]

export const TABLE_KNOTS = {
  /** Rows m of a GEMM: every row of the first tile, then both sides of each tile edge, where the time jumps. */
  rows: [1, ...Array.from({ length: 14 }, (_, i) => i + 2.25), ...TILE_EDGES.flatMap((edge) => [edge + 0.25, edge + 0.75])],
  /** Tokens of experts (all ranks), of exchanges (one rank), of BMMs. */
  tokens: ladder(
    1,
    [
      [1, 1],
      [8, 2],
      [32, 4],
      [512, 2],
    ],
    131072,
  ),
  /** Elements of a collective. */
  elements: ladder(128, [[128, 1]], 2 ** 29),
  /** Sequences of a batch. */
  sequences: ladder(1, [[1, 1]], 2048),
  /** KV tokens of one sequence in decode. */
  kvLength: ladder(2, [[2, 1]], 131072),
  /** Tokens of one sequence in prefill. */
  context: ladder(
    1,
    [
      [16, 1],
      [1024, 2],
      [8192, 4],
      [16384, 1],
    ],
    32768,
  ),
} as const satisfies Record<string, readonly number[]>

export type TableAxis = keyof typeof TABLE_KNOTS

/** first, then geometric knots with `perOctave` per octave, shifted half a step away from the powers of two, to beyond `last`. */
function geometric(first: number, perOctave: number, last: number): number[] {
  const knots = [first]
  for (let i = 0; ; i++) {
    const knot = first * 2 ** ((i + 0.5) / perOctave)
    knots.push(knot)
    if (knot >= last) return knots
  }
}

/** Knots of the slices of a plan, beyond the measured sizes. */
export const SLICE_KNOTS = {
  tokens: geometric(1, 4, 2 ** 21),
  elements: geometric(128, 2, 2 ** 29),
  sequences: geometric(1, 2, 2048),
  kvLength: geometric(2, 2, 2 ** 18),
  context: geometric(1, 4, 2 ** 18),
  /** Prompts that one call of prefill attention works on, and the tokens of each: as many as fit a step. */
  prompts: geometric(1, 2, 256),
  promptTokens: geometric(1, 2, 2 ** 15),
} as const satisfies Record<string, readonly number[]>

/**
 * Knots of the shipped tables. They are our own: measured grids sit on powers of two and a few more, ours between them, dense enough
 * that log-log interpolation adds less than half a percent.
 */

/** first, then geometric knots with `perOctave` per octave, shifted half a step away from the powers of two, to beyond `last`. */
function geometric(first: number, perOctave: number, last: number): number[] {
  const knots = [first]
  for (let i = 0; ; i++) {
    const knot = first * 2 ** ((i + 0.5) / perOctave)
    knots.push(knot)
    if (knot >= last) return knots
  }
}

export const AXES = {
  /** Rows m of a GEMM: tile and wave edges need eighths of octaves. */
  rows: [1, 2.5, 4.5, 6.5, 9.5, 12.5, ...geometric(16, 8, 32768).slice(1)],
  /** Tokens of experts (all ranks), of exchanges (one rank), of BMMs; beyond 16384 the tables are extended. */
  tokens: geometric(1, 2, 2 ** 21),
  /** Elements of an all-reduce. */
  elements: geometric(128, 2, 2 ** 29),
  /** Sequences of a decode batch. */
  sequences: geometric(1, 2, 2048),
  /** KV tokens of one sequence in decode. */
  kvLength: geometric(2, 2, 2 ** 18),
  /** Tokens of one sequence in prefill, prefix included. */
  context: geometric(1, 4, 2 ** 18),
} as const satisfies Record<string, readonly number[]>

export type AxisName = keyof typeof AXES

/** docs/CLAIM.md: the fair experiment as one page, worst things first. Everything on it is computed from the finished cells; nothing is written by hand. */
import { grouped } from '../../collections/grouped.js'
import {
  type Cell,
  type CellResult,
  gainOf,
  HYPERCUBE_SEED,
  hypercubePoints,
  isUnstable,
  isUnsteady,
  type Judged,
  judge,
  POINTS,
  type Protocol,
} from '../../experiments/claim/index.js'
import { markdownTable } from '../markdown.js'
import { controlSection } from './controls.js'
import { hypercubeSection } from './hypercube.js'
import { percent, quantile, spread } from './markdown.js'
import { facts, ladder, levers, primaryTable, togetherTable, worstFirst } from './primary.js'
import { samplesOf } from './regions.js'

export interface ClaimPage {
  readonly protocol: Protocol
  /** Whether the protocol was the committed one. */
  readonly frozen: boolean
  readonly quick: boolean
  readonly version: string
  readonly cells: readonly Cell[]
  readonly results: ReadonlyMap<string, CellResult>
  readonly dropped: readonly Cell[]
  /** Cells that ended with an error instead of an answer. */
  readonly failed: readonly { readonly id: string; readonly message: string }[]
  /** The public traces, not look-alikes. */
  readonly traces: boolean
}

/** Cells that are named one by one. */
const MOST_NAMED = 20

export function claimPage(page: ClaimPage): string {
  const { cells, results } = page
  if (results.size === 0) return `${[head(page), NOTHING_YET, beforehand(page), CANNOT_SAY].join('\n\n')}\n`
  const of = (family: Cell['family']): CellResult[] =>
    cells.filter((cell) => cell.family === family).flatMap(({ id }) => results.get(id) ?? [])
  const judgedOf = (family: Cell['family']): Judged[] => judge(of(family), cells.filter((cell) => cell.family === family).length)
  const judged = judgedOf('primary')
  const together = judgedOf('together')
  const samples = samplesOf(
    hypercubePoints(POINTS, HYPERCUBE_SEED),
    results,
    (index) => `hypercube/${String(index).padStart(3, '0')}`,
  )
  const sections = [
    head(page),
    shortly(page, judged, together),
    beforehand(page),
    worstFirst([...judged, ...together], samples),
    primaryTable(judged),
    ladder(judged),
    levers([...judged, ...together]),
    facts(judged),
    controlSection(
      cells
        .filter(({ family }) => family === 'control')
        .flatMap((cell) => (results.has(cell.id) ? [{ cell, result: results.get(cell.id) as CellResult }] : [])),
      ({ trace, layout }) => results.get(`primary/${trace}/${layout}`) ?? null,
    ),
    togetherTable(together),
    hypercubeSection(samples, cells.filter(({ family }) => family === 'hypercube').length, of('hypercube')),
    leftOut(page),
    CANNOT_SAY,
  ]
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`
}

function head({ quick, traces, frozen, version }: ClaimPage): string {
  const warnings = [
    ...(quick ? ['**This is a quick look: runs are tiny, most cells are missing. Its numbers are not evidence.**'] : []),
    ...(traces
      ? []
      : [
          '**Traffic: the look-alikes that are shipped, not the public traces.** Run it with `--traces DIR` on your copies of these.',
        ]),
    ...(frozen ? [] : ['**The protocol is not the committed one**: constants or cells have changed since it was frozen.']),
  ]
  return [
    '# Does partitioning by request shape make tokens 20 % faster?',
    `Written by \`npm run claim\` (shapewise ${version}); do not edit. Every number is of a simulator: *in this model*.`,
    ...warnings,
  ].join('\n\n')
}

const NOTHING_YET = 'No cell has been run yet: this is what is fixed beforehand.'

function shortly({ results, cells, dropped }: ClaimPage, judged: readonly Judged[], together: readonly Judged[]): string {
  const count = (verdict: Judged['verdict']): number => judged.filter((one) => one.verdict === verdict).length
  // what an overloaded arm is slower by says how long one looked
  const steady = judged.filter(({ cell }) => !isUnstable(cell))
  const ratios = steady.flatMap(({ gain }) => (gain.ratio === null ? [] : [gain.ratio]))
  const verdicts = (
    ['reproduced', 'only against an untuned default', 'refuted in this model', 'undecided', 'unstable', 'void'] as const
  )
    .filter((verdict) => count(verdict) > 0)
    .map((verdict) => `${count(verdict)} ${verdict}`)
  const range = (of: readonly Judged[]): string => {
    const held = of.filter(({ cell }) => !isUnstable(cell)).flatMap(({ gain }) => (gain.ratio === null ? [] : [gain.ratio]))
    return held.length === 0 ? 'no result' : spread(held)
  }
  const overSize = steady.map(({ cell }) => gainOf(cell, 'shape-aware', 'tuned-size').ratio).filter((ratio) => ratio !== null)
  const shipped = steady
    .filter(({ cell }) => !isUnsteady(cell, 'occupancy-rule'))
    .flatMap(({ overShipped }) => (overShipped.ratio === null ? [] : [overShipped.ratio]))
  return [
    '## In short',
    [
      `* Primary cells, decode fed with prompts, load 0.7: **${verdicts.join(', ') || 'none finished'}**.`,
      `* Median speed of a user over *tuned* static: ${range(judged)}${ratios.length > 0 ? `, median ${percent(quantile(ratios, 0.5))}` : ''}; over the shipped occupancy rule, where that keeps up, ${shipped.length > 0 ? spread(shipped) : 'unknown'}.`,
      ...(overSize.length === 0
        ? []
        : [`* A fixed piece *size* in the place of a fixed count, tuned alike, leaves ${spread(overSize)} to be gained.`]),
      `* Where the same engines compute the prompts too: ${range(together)}.`,
      `* ${results.size} of ${cells.length} cells have an answer; ${dropped.length} were left out by the time budget.`,
    ].join('\n'),
  ].join('\n\n')
}

function beforehand({ protocol, frozen, quick }: ClaimPage): string {
  return [
    '## What was fixed before the first result',
    markdownTable(
      ['', ''],
      [
        ['question', protocol.question],
        ['metric', protocol.metric],
        ['baseline', protocol.baseline],
        ['rule', protocol.rule],
        ['controls', protocol.controls],
        ['seed', String(protocol.seed)],
        ['cells', `${protocol.cells}, hash ${protocol.cells_hash}`],
        ['constants', `hash ${protocol.constants_hash} of step tables and SM-level constants of every layout and system`],
        [
          'frozen',
          !frozen
            ? 'no'
            : quick
              ? 'yes, but for the cells: a quick look has its own'
              : 'yes: data/claim/protocol.json is what was run',
        ],
      ],
    ),
  ].join('\n\n')
}

/** By family: a family of which nothing was run in one word, and of many alike their number. */
function droppedText(dropped: readonly Cell[], cells: readonly Cell[]): string {
  const families = [...new Set(dropped.map(({ family }) => family))]
  return families
    .map((family) => {
      const out = dropped.filter((cell) => cell.family === family)
      const all = cells.filter((cell) => cell.family === family).length
      if (out.length === all) return `all ${all} of ${family}`
      const count = `${out.length} of the ${all} of ${family}`
      return out.length > MOST_NAMED ? count : `${count} (${out.map(({ id }) => id.slice(family.length + 1)).join(', ')})`
    })
    .join('; ')
}

function leftOut({ dropped, failed, results, cells }: ClaimPage): string {
  const voids = [...results.values()].filter(({ void_because }) => void_because !== null)
  const unequal = [...results.values()].filter(({ same_traffic }) => !same_traffic)
  const lines = [
    dropped.length === 0
      ? 'The time budget left out no cell.'
      : `The time budget left out ${dropped.length} of ${cells.length} cells: ${droppedText(dropped, cells)}.`,
    ...failed.map(({ id, message }) => `**${id} failed**: ${message.replaceAll('\n', ' ')}`),
    ...[...grouped(voids, ({ void_because }) => void_because as string)].map(
      ([reason, of]) => `Void, since ${reason}: ${of.map(({ id }) => id).join(', ')}.`,
    ),
    unequal.length === 0
      ? 'In every cell at fixed load all arms were sent the same draws of traffic, and as many requests in each window (N4).'
      : `**Arms were not sent the same requests in ${unequal.map(({ id }) => id).join(', ')}: these cells mean nothing.**`,
  ]
  return ['## Left out', lines.map((line) => `* ${line}`).join('\n')].join('\n\n')
}

const CANNOT_SAY = `## What this cannot say

* It is a model. Intervals hold traffic and chance, not the error of the model; \`docs/VALIDATION.md\` shows that one. Kernel constants are fitted to published
  measurements of other kernels than whatever runs in a closed system.
* The release text that the question comes from names a mechanism (a fixed number of pieces gave way to partitioning by shape) and a size (over
  20 % in token generation speed). It does not name the baseline, how it was tuned, the load, the traffic, the model, or whose speed is meant. OpenAI's
  traffic and heuristic are not public and are not reproduced here; what is tested is whether the described mechanism *can* have the described size.
* Primary cells compute prompts elsewhere and for nothing, the kindest setting to whoever speeds up decode; the section on shared engines is the other end.
  A slice of a rack is simulated (32 GPUs of DeepSeek-R1, 16 of gpt-oss), without prefix caches and speculation, and the split planner of the primary
  cells knows the constants that score it: its gain is an upper bound. In the hypercube it is wrong about them by up to a factor of two.
* Superposed copies of a file are not new traffic: the interval over the mix of minutes stands beside the one over draws. Replicates are shorter than 30 mean
  E2E wherever these would hold more than 12,000 requests, but never than 8; their length is printed. Windows begin when at most 0.5 % of those under way are
  missing (cells whose engines compute the prompts and points of the hypercube: 5 %). Traffic ends 2 mean E2E after a window, so E2E of the longest answers read low.
  Sessions of agents are laid out as open requests with pauses of a minute at most; contexts beyond 131,072 tokens are left out.`

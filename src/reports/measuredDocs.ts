/** The shipped measured launches against the model, as Markdown. */
import type { ScoredLaunches } from '../validation/levers/shippedLaunches.js'
import { markdownTable } from './markdown.js'
import { CHOICE_HEAD, CONSTANTS_HEAD, choiceCells, constantCells, errorText, gainRows, signsText } from './measuredLaunches.js'

export function measuredDocs({ about, groups }: ScoredLaunches): string {
  const named = groups.map((group, i) => ({ ...group, group: about.kernels[i].name }))
  return [
    '### Measured on a GPU',
    `${about.gpu}; ${about.date}; ${about.software}; clocks ${about.clocks}; a large copy moves ${about.copy_gb_s} GB/s. The kernel is our own, in Triton ` +
      '(`scripts/measure-split`), every output compared with float64. Named after its heads (MLA, or query x KV heads of GQA) and the KV cache. It is no kernel of a serving ' +
      'stack and no Blackwell GPU: what is tested is the form of the model, with constants of its own, not the shipped constants.',
    'Constants are fitted to launches of other batches than those judged (`-laws`: equal, ragged and adversarial lengths; `-traces-train`: KV lengths of requests running in the ' +
      'shipped traces; judged: other draws of the traces, every plan made before it was timed; equal batches are the same in all files, so there they teach nothing). `gqa64x8` has ' +
      'no plans of traces: half of its batches are held out, those of the same lengths together. Plans that cut a batch alike are one launch. A few launches in a thousand are hiccups ' +
      'of up to five times, and are kept: most of the worst batches of `gqa16x2-fp8` are such, and the worst of `gqa64x8` (without it +0.9 % over the fastest).',
    'With a soft knee the memory bandwidth is an asymptote; the last column but one is what all slots read together.',
    markdownTable(
      [...CONSTANTS_HEAD, 'CTAs an SM'],
      named.map((group, i) => [...constantCells(group), String(about.kernels[i].residents)]),
    ),
    'Error of the exact form, median / 90th percentile of plans:',
    markdownTable(
      ['', 'fitted', 'plans held out', 'held out', 'worst kind of lengths'],
      named.map((group) => {
        const worst = group.byFamily.reduce((a, b) => (b.median > a.median ? b : a))
        return [
          group.group,
          errorText(group.fitted),
          String(group.heldOut.plans),
          errorText(group.heldOut),
          `${worst.family} ${errorText(worst)}`,
        ]
      }),
    ),
    'The rule that the model finds fastest for a batch, against the fastest of those measured, and against the occupancy rule:',
    markdownTable(CHOICE_HEAD, named.map(choiceCells)),
    ...named.flatMap(({ group, gains }) => {
      if (gains === null) return []
      const { head, rows, tuned } = gainRows(gains)
      return [
        `**${group}**: speed-up over the fixed rule that was fastest on the training draws of the same traffic (equal lengths: the shipped occupancy rule), measured (model); median of the batches. ${signsText(gains)}. Tuned: ${tuned.join('; ')}.`,
        markdownTable(head, rows),
      ]
    }),
  ].join('\n\n')
}

/** How a split policy cuts the KV of a mixed batch, and how long the kernel takes against the shipped rule and the floor. */
import {
  createArm,
  createSplitDecision,
  exactAttentionNs,
  floorNs,
  parsePolicy,
  SPLIT_LAUNCHES,
  SPLIT_PAYLOAD,
  type SplitBatch,
  type SplitDecision,
  type SplitPolicy,
  STATIC_ARM,
} from '../../levers/index.js'
import { pieceCount } from '../../levers/split/pieces.js'
import { columns } from '../columns.js'
import { bar, DECODING, type Example, thousands } from './example.js'

const WIDTH = 48
const BLOCKS = ['█', '▒']

export function splitPicture(policy: SplitPolicy, { title, engine }: Example): string {
  const { machine } = engine
  const lengths = Float64Array.from(DECODING)
  const batch: SplitBatch = { n: lengths.length, lengths, totalTokens: lengths.reduce((sum, tokens) => sum + tokens, 0) }
  const decide = (by: SplitPolicy): { decision: SplitDecision; us: number } => {
    const decision = createSplitDecision(batch.n)
    by.plan(batch, machine, decision)
    const ns = by.priceNs?.(batch, machine, decision) ?? exactAttentionNs(batch, decision, machine)
    return { decision, us: ns / 1e3 }
  }
  const { decision, us } = decide(policy)
  const shipped = decide(parsePolicy('split', 'occupancy-rule')()).us
  const fixed = decide(createArm(STATIC_ARM).split).us
  const floor = floorNs(batch, machine) / 1e3
  const times: readonly (readonly [string, number])[] = [
    ['this policy', us],
    ['fixed-count(8)', fixed],
    ['occupancy-rule', shipped],
    ['floor: bytes at full bandwidth', floor],
  ]
  const most = Math.max(...times.map(([, time]) => time))
  return [
    `One rank of ${title}: ${batch.n} sequences, ${thousands(batch.totalTokens)} tokens of KV, ${machine.slots} CTA slots, ${machine.headGroups} head group${machine.headGroups > 1 ? 's' : ''}.`,
    ...cuts(decision, batch, engine.machine),
    '',
    'Attention kernel of one layer, us (list scheduling of the pieces):',
    columns(
      times.map(([name, time]) => [name, time.toFixed(1), bar(time, most, 40)]),
      [1],
    ),
  ].join('\n')
}

function cuts(decision: SplitDecision, batch: SplitBatch, machine: Example['engine']['machine']): string[] {
  if (decision.kind === SPLIT_PAYLOAD)
    return [
      `All KV is laid end to end and cut into ${Math.floor(machine.slots / machine.headGroups)} contiguous ranges of equal payload:`,
      `${BLOCKS.join('').repeat(WIDTH / 2)}`,
      'a range may hold the end of one sequence, several whole ones and the beginning of another.',
    ]
  const longest = batch.lengths[batch.n - 1]
  const rows: string[][] = []
  for (let i = batch.n - 1; i >= 0; i--) {
    const pieces = pieceCount(decision, batch, i, machine)
    const columnsOfBar = Math.max(1, Math.round((batch.lengths[i] / longest) * WIDTH))
    // with more pieces than columns every column is cut
    const drawn = Array.from(
      { length: columnsOfBar },
      (_, c) => BLOCKS[Math.floor((c * Math.min(pieces, columnsOfBar)) / columnsOfBar) % 2],
    )
    rows.push([
      thousands(batch.lengths[i]),
      drawn.join(''),
      `${pieces} x ${thousands(Math.ceil(batch.lengths[i] / pieces))}${decision.kind === SPLIT_LAUNCHES ? `, launch ${decision.launchOf[i] + 1} of ${decision.launches}` : ''}`,
    ])
  }
  return [
    `KV tokens of each sequence, cut into pieces (one shade each), launched ${decision.longestFirst ? 'longest first' : 'in order of arrival'}:`,
    columns(rows, [0]),
  ]
}

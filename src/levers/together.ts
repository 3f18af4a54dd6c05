/** Policies that exclude each other, whatever the engines. */
import type { RankPolicy, SpanPolicy } from './lever.js'

/** Whether contexts may be spread over ranks while the rank policy decides at step boundaries where requests are: a run with both is refused. */
export const spansAndMoves = (span: Pick<SpanPolicy, 'largest'>, rank: Pick<RankPolicy, 'assign' | 'migrate'>): boolean =>
  span.largest !== 1 && (rank.assign !== undefined || rank.migrate !== undefined)

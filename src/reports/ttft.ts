/** What the mean TTFT is made of, phase by phase. */
import type { Summary } from '../metrics/summary.js'

/** From the end of the transfer on: the rest of the step that is under way, and a whole one. */
export const FIRST_DECODE = 'until the first decode step ends'

/** Before a request can be scheduled at all. */
export const FRONTEND = 'frontend'

export interface TtftPart {
  readonly name: string
  readonly ms: number
}

/** Parts below this share of the TTFT are rounding, not phases. */
const SMALL_SHARE = 0.002

/**
 * Means over the completed requests of the window, in the order in which a request passes them; they add up to the mean TTFT. What is left
 * over goes by until the first decode step ends (`first_token: decode`), or is time lost to preemption before the first token. Empty
 * without a TTFT. Folders of before tell nothing of the frontend: there it is part of the queue.
 */
export function ttftParts({ metrics, frontend_ms: frontendMs = 0 }: Summary): TtftPart[] {
  const ttft = metrics.ttft_ms.mean
  if (ttft === null) return []
  const mean = (key: 'queue_ms' | 'prefill_ms' | 'decode_wait_ms' | 'transfer_ms') => metrics[key].mean ?? 0
  const handedOver = mean('transfer_ms') + mean('decode_wait_ms') > 0
  const parts = [
    ...(frontendMs > 0 ? [{ name: FRONTEND, ms: frontendMs }] : []),
    { name: 'queue', ms: Math.max(0, mean('queue_ms') - frontendMs) },
    { name: 'prefill', ms: mean('prefill_ms') },
    ...(handedOver
      ? [
          { name: 'decode wait', ms: mean('decode_wait_ms') },
          { name: 'transfer', ms: mean('transfer_ms') },
        ]
      : []),
  ]
  const rest = ttft - parts.reduce((sum, { ms }) => sum + ms, 0)
  return rest > SMALL_SHARE * ttft ? [...parts, { name: handedOver ? FIRST_DECODE : 'stall', ms: rest }] : parts
}

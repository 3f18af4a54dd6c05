/** The policies of the span lever by name. */
import type { Entry } from '../entry.js'
import type { SpanPolicy } from '../lever.js'
import { spanByShape } from './byShape.js'
import { fixedSpan } from './fixed.js'
import { spanOne } from './one.js'

/**
 * A context is spread where it would put more than a quarter of the mean load on its home, and that saves so many tokens: the exchanges of
 * DeepSeek-R1, 61 layers x 20 us, last as long as the attention of 100,000 tokens beside others on a GPU.
 */
const THETA = 0.25
const LEAST_SAVING_TOKENS = 100_000

export const SPAN_ENTRIES: readonly Entry<SpanPolicy>[] = [
  { name: 'one', parameters: [], example: [], make: () => spanOne() },
  {
    name: 'fixed',
    parameters: [{ name: 'degree', unit: 'ranks', powerOfTwo: true, min: 2, max: 64 }],
    example: [8],
    make: ([degree]) => fixedSpan(degree),
  },
  {
    name: 'by-shape',
    parameters: [
      { name: 'theta', unit: 'times the mean load of a rank', named: true, min: 0.01, max: 100, otherwise: THETA },
      { name: 'min', unit: 'tokens', named: true, whole: true, min: 1, max: 2 ** 20, otherwise: LEAST_SAVING_TOKENS },
    ],
    example: [THETA, LEAST_SAVING_TOKENS],
    make: ([theta, min]) => spanByShape({ theta, min }),
  },
]

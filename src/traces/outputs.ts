/** Requests whose output is 0 or missing, as the option `outputs` wants them. */
import { UserError } from '../errors.js'
import type { ReadOptions } from './options.js'
import { type SkipLog, ZERO_OUTPUT } from './report.js'

export interface OutputRule {
  /** See `outputTokens` of the reader's context. */
  tokens(given: number, line: number, within?: string): number
  notes(): string[]
}

export function createOutputRule(path: string, rule: ReadOptions['outputs'], skips: SkipLog): OutputRule {
  let replaced = 0
  return {
    tokens(given, line, within) {
      if (given > 0) return given
      const reason = given === 0 ? ZERO_OUTPUT : 'output tokens are missing'
      if (rule === 'fail') {
        throw new UserError({
          where: `${path}:${line}`,
          message: reason,
          hint: 'skip such rows (outputs: skip), or give them a number of tokens (outputs: 100)',
        })
      }
      if (typeof rule === 'number') {
        replaced++
        return rule
      }
      if (given === 0) skips.skipFailed(line, reason, within)
      else skips.skip(line, reason, within)
      return 0
    },
    notes: () =>
      replaced === 0
        ? []
        : [`${replaced} ${replaced === 1 ? 'request' : 'requests'} without output tokens got ${rule} as asked for.`],
  }
}

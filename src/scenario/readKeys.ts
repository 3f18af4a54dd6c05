/** `workload.read`: what decides where a trace leaves a choice. The keys are the flags of `shapewise trace`, with the same meaning. */
import * as z from 'zod'
import { FORMAT_NAMES, type FormatName } from '../traces/formats/catalogue.js'
import { DUPLICATE_RULES, keepsAll, ORDER_RULES, OVER_LIMIT_RULES, parseWindow, TIME_UNITS } from '../traces/rules.js'
import { COLUMN_ROLES } from '../traces/table/roles.js'
import type { Problem } from '../yaml/issues.js'
import { choice, expecting, flag, integer, text } from './leaves.js'
import type { ScenarioInput } from './schema.js'

const MOST_TOKENS = 2 ** 31 - 1
const OUTPUTS = 'skip, fail, or the number of tokens that requests without output get'

/** In YAML and after `--set` a position is a number; a column that is called so has the same text. */
const column = z
  .preprocess(
    (given) => (Number.isInteger(given) && (given as number) >= 1 ? String(given) : given),
    text('the name of a column, or its position from 1'),
  )
  .optional()
const COLUMN_KEYS = Object.fromEntries(COLUMN_ROLES.map((role) => [role, column])) as Record<
  (typeof COLUMN_ROLES)[number],
  typeof column
>

export const readSchema = z.strictObject(
  {
    from: choice(FORMAT_NAMES as [FormatName, ...FormatName[]]).optional(),
    columns: z.strictObject(COLUMN_KEYS, expecting('a mapping of roles to columns')).optional(),
    time_unit: choice(TIME_UNITS).optional(),
    outputs: z
      .union(
        [z.enum(['skip', 'fail']), z.int().min(1, expecting(OUTPUTS)).max(MOST_TOKENS, expecting(OUTPUTS))],
        expecting(OUTPUTS),
      )
      .optional(),
    order: choice(ORDER_RULES).optional(),
    duplicates: choice(DUPLICATE_RULES).optional(),
    block_tokens: integer(1, MOST_TOKENS, 'tokens').optional(),
    context_limit: integer(2, MOST_TOKENS, 'tokens').optional(),
    over_limit: choice(OVER_LIMIT_RULES).optional(),
    limit: integer(1, MOST_TOKENS, 'requests').optional(),
    window: text('seconds START..END, START before END, as in 600..1200').optional(),
    share_system_prompt: flag.optional(),
  },
  expecting('a mapping of keys that say how the trace is read'),
)

export type ReadKeys = z.infer<typeof readSchema>

export function readProblems({ path, read }: ScenarioInput['workload']): Problem[] {
  if (read === undefined) return []
  const at = ['workload', 'read']
  if (path === undefined) {
    return [
      {
        path: ['workload'],
        key: 'read',
        message: 'workload.read: has no effect without a path, since a preset is not read from a file',
        hint: 'remove it, or give workload.path',
      },
    ]
  }
  const problems: Problem[] = []
  if (read.over_limit !== undefined && read.context_limit === undefined) {
    problems.push({
      path: at,
      key: 'over_limit',
      message: 'workload.read.over_limit: has no effect without context_limit',
      hint: 'add context_limit, or remove it',
    })
  }
  const window = read.window === undefined ? undefined : parseWindow(read.window)
  if (window === null)
    problems.push({
      path: at,
      key: 'window',
      message: `workload.read.window: expected seconds START..END, START before END, got '${read.window}'`,
      hint: 'for example 600..1200',
    })
  else if (window !== undefined && keepsAll(window))
    problems.push({
      path: at,
      key: 'window',
      message: `workload.read.window: has no effect: '${read.window}' keeps every request`,
      hint: 'remove it, or name a START or an END',
    })
  return problems
}

/** The work of `validate`: measured serving rows on the simulator. */
import { createProgress } from '../reports/progress.js'
import { validationTable } from '../reports/validation.js'
import { NEUTRAL } from '../timing/index.js'
import { validationJson } from '../validation/json.js'
import { findSettings } from '../validation/settings.js'
import { TOPOLOGY_RULES } from '../validation/shape.js'
import { createRowPool, type RowSet, readRows, scoreRows } from '../validation/validate.js'
import { printJson, printResult, remark } from './output.js'

export interface ValidateRequest {
  readonly rows: string
  readonly settings?: string
  readonly threads: number
  readonly seed: number
  readonly format: string
  readonly quiet: boolean
  readonly signal: AbortSignal
}

/** What was assumed, on stderr: settings, release profiles, cuts by rule. */
export function explainRows({ rows, refused }: RowSet, settings: string | null, say: (text: string) => void): void {
  say(
    settings === null ? "settings: none; batch limits, budgets and kernels are the backends' defaults" : `settings: ${settings}`,
  )
  const profiles = new Map<string, number>()
  for (const { plan } of rows) profiles.set(plan.profile, (profiles.get(plan.profile) ?? 0) + 1)
  say(
    `profiles: ${[...profiles]
      .sort()
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')}`,
  )
  const guessed = rows.filter(({ plan }) => plan.engines.some(({ basis }) => basis === 'rule'))
  for (const backend of new Set(guessed.map(({ row }) => row.backend)))
    say(
      `${guessed.filter(({ row }) => row.backend === backend).length} ${backend} rows without a usable cut: ${TOPOLOGY_RULES[backend]}`,
    )
  if (refused.length > 0)
    say(`${refused.length} of ${rows.length + refused.length} rows cannot be simulated; each is listed with its reason`)
}

export async function validateRows(request: ValidateRequest): Promise<void> {
  const { threads, seed, format, quiet, signal } = request
  const say = quiet ? () => {} : remark
  const settingsPath = findSettings(request.rows, request.settings)
  const set = readRows(request.rows, settingsPath)
  explainRows(set, settingsPath, say)
  const progress = createProgress({ quiet })
  const pool = createRowPool({ threads, signal })
  try {
    progress.stage('rows', set.rows.length)
    const onDone = (done: number) => progress.update({ done, total: set.rows.length })
    const scored = await scoreRows({ set, constantsOf: () => NEUTRAL, pool, seed, onDone })
    progress.stop()
    if (format === 'json') printJson(validationJson(scored))
    else printResult(validationTable(scored))
  } finally {
    progress.stop()
    await pool.close()
  }
}

/** The work of `ablate`. */
import { UserError } from '../../errors.js'
import { ablate, ablationJson } from '../../experiments/index.js'
import { LEVERS, type LeverName } from '../../levers/lever.js'
import { ablationTable } from '../../reports/terminalAblation.js'
import { suggest } from '../../suggest.js'
import { type ExperimentRequest, runExperiment } from './experimentInput.js'

export interface AblateRequest extends ExperimentRequest {
  readonly from: string
  readonly to: string
  readonly levers?: string
  readonly capacity: boolean
}

export function ablateArms(request: AblateRequest): Promise<void> {
  const { from, to, capacity, oracles } = request
  const levers = request.levers === undefined ? null : parseLevers(request.levers)
  return runExperiment(request, async (options) => {
    const { result, records } = await ablate({ ...options, from, to, levers, capacity, oracles })
    return {
      stored: { kind: 'ablation', result },
      records,
      json: ablationJson(result),
      table: (colour) => ablationTable(result, { colour }),
    }
  })
}

/** `split,rank` */
function parseLevers(text: string): LeverName[] {
  const names = text.split(',').map((name) => name.trim())
  const known: readonly string[] = LEVERS
  const fail = (message: string, hint: string): never => {
    throw new UserError({ where: '--levers', message, hint })
  }
  for (const name of names) if (!known.includes(name)) fail(`there is no lever '${name}'`, suggest(name, known))
  if (new Set(names).size < names.length) fail(`a lever is named twice in '${text}'`, 'name each once')
  return names as LeverName[]
}

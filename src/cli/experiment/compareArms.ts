/** The work of `compare`. */
import { compare, comparisonJson } from '../../experiments/index.js'
import { comparisonTable } from '../../reports/terminal.js'
import { type ExperimentRequest, runExperiment } from './experimentInput.js'

export const compareArms = (request: ExperimentRequest): Promise<void> =>
  runExperiment(request, async (options) => {
    const { result, records } = await compare({ ...options, oracles: request.oracles })
    return {
      stored: { kind: 'comparison', result },
      records,
      json: comparisonJson(result),
      table: (colour) => comparisonTable(result, { colour }),
    }
  })

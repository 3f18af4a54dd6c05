/** The work of `validate engine`. */

import { columns } from '../../reports/columns.js'
import { engineValidationJson } from '../../validation/engine/json.js'
import { type JudgedRun, judgeRun, type MedianErrors } from '../../validation/engine/judge.js'
import { readMeasuredRuns } from '../../validation/engine/measuredRuns.js'
import { MAX_NUM_BATCHED_TOKENS } from '../../validation/engine/numbers.js'
import { printJson, printResult, remark } from '../output.js'

export function validateEngine(folder: string, format: string, quiet: boolean): void {
  const runs = readMeasuredRuns(folder)
  const judged = runs.map((run, index) => {
    if (!quiet) remark(`${run.name}: fitting ${run.requestId.length} requests (run ${index + 1} of ${runs.length}) …`)
    return judgeRun(run)
  })
  if (format === 'json') printJson(engineValidationJson(judged))
  else printResult([numbersTable(judged), errorsTable(judged), NOTE].join('\n\n'))
}

const NOTE = `Errors are medians over requests of |simulated / measured - 1|. TTFT and E2E count from the moment the engine took the request in.
The five numbers of a run (one GPU with its model) were fitted on its first third, by order of arrival; "judged" are the other two thirds, simulated from the start of the run.
Not fitted: vLLM's token budget of ${MAX_NUM_BATCHED_TOKENS} a step and its order (decode first, then prompts as they came).`

const three = (value: number): string => String(Number(value.toPrecision(3)))
const percent = (value: number | null): string => (value === null ? '–' : value.toFixed(1))

function numbersTable(judged: readonly JudgedRun[]): string {
  const head = ['run', 'step ms', 'token us', 'KV token ns', 'steps ahead', 'limit']
  const rows = judged.map(({ run, numbers: { stepMs, tokenUs, kvTokenNs, leadSteps, limit } }) => [
    run.name,
    ...[stepMs, tokenUs, kvTokenNs, leadSteps].map(three),
    limit.kind === 'kv' ? `${limit.value} KV tokens` : `${limit.value} sequences`,
  ])
  return columns([head, ...rows], [1, 2, 3, 4])
}

function errorsTable(judged: readonly JudgedRun[]): string {
  const line = (name: string, part: string, { n, ttft, tpot, e2e }: MedianErrors): string[] => [
    name,
    part,
    String(n),
    ...[ttft, tpot, e2e].map(percent),
  ]
  const rows = judged.flatMap(({ run, judged: rest, fitted, all, ablations }) => [
    line(run.name, 'judged', rest),
    line('', 'fitted', fitted),
    line('', 'all', all),
    ...ablations.map(({ without, errors }) => line('', `judged, without ${without}`, errors)),
  ])
  return columns([['median error, %', 'requests', 'n', 'TTFT', 'TPOT', 'E2E'], ...rows], [2, 3, 4, 5])
}

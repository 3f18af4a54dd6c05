/** The printed form of judged runs. */
import type { JudgedRun, MedianErrors } from './judge.js'
import type { MachineNumbers } from './numbers.js'

const medians = ({ ttft, tpot, e2e }: MedianErrors) => ({ ttft, tpot, e2e })
const part = (errors: MedianErrors) => ({ n: errors.n, median_error_pct: medians(errors) })

const fittedJson = (numbers: MachineNumbers) => ({
  step_ms: numbers.stepMs,
  token_us: numbers.tokenUs,
  kv_token_ns: numbers.kvTokenNs,
  lead_steps: numbers.leadSteps,
  ...(numbers.limit.kind === 'kv' ? { kv_tokens: numbers.limit.value } : { max_num_seqs: numbers.limit.value }),
})

/** `median_error_pct` of a run is that of the judged requests; `rows` hold simulated values. */
export const engineValidationJson = (judged: readonly JudgedRun[]) => ({
  runs: judged.map(({ run, numbers, judged: rest, fitted, all, ablations }) => ({
    run: run.name,
    file: run.file,
    machine: run.machine,
    model: run.model,
    n: run.requestId.length,
    fitted: fittedJson(numbers),
    median_error_pct: medians(rest),
    parts: { judged: part(rest), fitted: part(fitted), all: part(all) },
    ablations: ablations.map(({ without, errors }) => ({ without, median_error_pct: medians(errors) })),
  })),
  rows: judged.flatMap(({ run, simulated }) =>
    run.requestId.map((request_id, i) => ({
      run: run.name,
      request_id,
      ttft_ms: simulated.ttftMs[i],
      e2e_ms: simulated.e2eMs[i],
    })),
  ),
})

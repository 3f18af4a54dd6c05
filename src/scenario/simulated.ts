/** What a plan simulates, in few words: the head of every result. */
import { basename } from 'node:path'
import { gpusOfPlan, limitWords } from './describe.js'
import type { Plan, WorkloadPlan } from './plan.js'

/** Field names are the printed ones: this is part of the JSON of results. */
export interface Simulated {
  readonly system: string
  readonly model: string
  readonly precision: string
  /** 18 x TP4, 10 x DEP4 prefill + 1 x DEP32 mtp3 decode. */
  readonly engines: string
  /** That serve, over all engines. */
  readonly gpus: number
  readonly workload: string
  /** Null: no such limit. `attainment`: where it is stated. */
  readonly slo: Readonly<Record<'ttft_ms' | 'tpot_ms' | 'gap_ms' | 'e2e_ms', number | null>> & { readonly attainment?: number }
}

export function simulatedOf(plan: Plan): Simulated {
  const { ttftMs, tpotMs, gapMs, e2eMs, attainment } = plan.slo.interactive
  return {
    system: bare(plan.system),
    model: bare(plan.model),
    precision: plan.precision,
    engines: plan.engines
      .map(
        ({ count, layout, role, mtp }) =>
          `${count} x ${layout}${mtp === null ? '' : ` mtp${mtp.n}`}${role === 'aggregated' ? '' : ` ${role}`}`,
      )
      .join(' + '),
    gpus: gpusOfPlan(plan),
    workload: workloadName(plan.workload),
    slo: {
      ...{ ttft_ms: ttftMs, tpot_ms: tpotMs, gap_ms: gapMs, e2e_ms: e2eMs },
      ...(attainment === undefined ? {} : { attainment }),
    },
  }
}

/** llama-3.1-70b fp8 · GB200 · 18 x TP4 (72 GPUs) · chat · SLO TTFT <= 2000 ms, TPOT <= 50 ms */
export function simulatedWords({ system, model, precision, engines, gpus, workload, slo }: Simulated): string {
  const { ttft_ms: ttftMs, tpot_ms: tpotMs, gap_ms: gapMs, e2e_ms: e2eMs, attainment } = slo
  const limits = limitWords({ ttftMs, tpotMs, gapMs, e2eMs, attainment })
  const parts = [`${model} ${precision}`, system.toUpperCase(), `${engines} (${gpus} GPU${gpus === 1 ? '' : 's'})`, workload]
  return [...parts, limits === '' ? 'no SLO' : `SLO ${limits}`].join(' · ')
}

function workloadName({ path, preset, uniform }: WorkloadPlan): string {
  if (path !== null) return basename(path)
  return uniform === null ? String(preset) : `uniform, up to ${uniform.isl} input and ${uniform.osl} output tokens`
}

/** A system or model of the user's is named by a path. */
const bare = (name: string): string => basename(name, '.json')

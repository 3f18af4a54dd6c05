/** The engines of a cell: its layout as a scenario, resolved like any other, then changed as the cell says. */
import { clusterConfig, loadScenario } from '../../scenario/index.js'
import type { Plan } from '../../scenario/plan.js'
import type { ClusterConfig } from '../../simulator/config.js'
import { type Cell, type LayoutName, TOGETHER_TTFT_MS } from './cell.js'
import { freePrompts, perturbed } from './perturb.js'

interface LayoutFacts {
  readonly model: string
  readonly precision: string
  readonly kvPrecision: string
  readonly layout: string
  /** Engines that decode: a slice of a rack that leaves the pool lever something to choose where it can. */
  readonly count: number
  /** Layout of the engine that stands for prompts computed elsewhere; any that holds the weights. */
  readonly prefill: string
}

const R1 = { model: 'deepseek-r1', precision: 'nvfp4', kvPrecision: 'fp8', prefill: 'DEP4' }

const LAYOUT_FACTS: Readonly<Record<LayoutName, LayoutFacts>> = {
  'r1-dep16': { ...R1, layout: 'DEP16', count: 2 },
  'r1-dep32': { ...R1, layout: 'DEP32', count: 1 },
  'r1-tp8': { ...R1, layout: 'TP8', count: 2 },
  'oss-tp4': { model: 'gpt-oss-120b', precision: 'mxfp4', kvPrecision: 'fp8', layout: 'TP4', count: 4, prefill: 'TP4' },
  'llama-tp4': { model: 'llama-3.1-70b', precision: 'fp8', kvPrecision: 'fp8', layout: 'TP4', count: 4, prefill: 'TP4' },
}

/** Longest context served; longer requests of a trace are left out. */
export const MAX_MODEL_LEN = 131_072
/** Tokens of a step where prompts and decode share engines; the grid of budgets ends here. */
const TOGETHER_TOKENS = 8192
const PREFILL = { max_num_seqs: 4096, max_num_batched_tokens: 65_536, kv_memory_fraction: 0.5 } as const

/** The plan of a cell. Its workload is a name only: traces are handed over as columns. */
export function planOf(cell: Cell, seed: number): Plan {
  const { model, precision, kvPrecision, layout, count, prefill } = LAYOUT_FACTS[cell.layout]
  const { maxNumSeqs, tpotMs, load, replicates } = cell
  const decode = { layout, max_num_seqs: maxNumSeqs }
  const engine =
    cell.prompts === 'here'
      ? { ...decode, count, max_num_batched_tokens: TOGETHER_TOKENS, max_model_len: MAX_MODEL_LEN }
      : {
          layout: `1p${count}d`,
          max_model_len: MAX_MODEL_LEN,
          prefill: { layout: prefill, ...PREFILL },
          decode: { ...decode, max_num_batched_tokens: maxNumSeqs },
        }
  const ranks = layout.startsWith('DEP') ? Number(layout.slice(3)) : 1
  const scenario = {
    system: cell.system,
    model,
    precision,
    kv_precision: kvPrecision,
    engines: [engine],
    workload: {
      path: cell.trace,
      load:
        'fraction' in load
          ? { method: 'superpose', fraction: load.fraction }
          : { method: 'closed_loop', concurrency: load.perRank * ranks * count },
    },
    slo: { interactive: cell.prompts === 'here' ? { ttft_ms: TOGETHER_TTFT_MS, tpot_ms: tpotMs } : { tpot_ms: tpotMs } },
    experiment: { replicates, seed },
  }
  // JSON is YAML
  return loadScenario({ text: JSON.stringify(scenario), file: `cell ${cell.id}`, folder: '.', sets: [] })
}

export function configOf(plan: Plan, cell: Cell): ClusterConfig {
  const config = perturbed(clusterConfig(plan), cell.perturbation)
  return cell.prompts === 'elsewhere' ? freePrompts(config) : config
}

/** A plan back to a scenario with every default written out: loaded again it is the same plan, with the same hash. */
import { resolve } from 'node:path'
import { looksLikePath } from '../dataFile.js'
import { isPolicyFile } from '../levers/own.js'
import { yaml } from '../yaml/library.js'
import { defaultAcceptance } from './constants.js'
import { blocksByFraction } from './engine.js'
import type { EnginePlan, Plan } from './plan.js'
import { hasPools } from './pools.js'
import { specsOf } from './specs.js'

/** Paths are made absolute, so that the text may be kept anywhere. */
export function resolvedYaml(plan: Plan): string {
  const { load, path, preset, uniform, cacheAnswers, spreadTicks, keepTicks, read } = plan.workload
  const { interactive } = plan.slo
  const scenario = {
    system: absolute(plan.system),
    racks: plan.racks,
    model: absolute(plan.model),
    precision: plan.precision,
    kv_precision: plan.kvPrecision,
    profile: plan.profile,
    ...(hasPools(plan.engines) ? { first_token: plan.firstToken } : {}),
    engines: plan.engines.map((engine) => engineKeys(engine, plan)),
    workload: given({
      path: path === null ? null : resolve(path),
      preset,
      ...uniform,
      load: given({
        method: load.method,
        fraction: load.fraction,
        rate_per_s: load.ratePerS,
        speed_up: load.speedUp,
        concurrency: load.concurrency,
        // a closed loop takes none: there every turn waits
        sessions: load.sessions === 'closed' ? load.sessions : null,
      }),
      cache_answers: cacheAnswers ? true : null,
      spread_ticks: keepTicks ? false : spreadTicks || null,
      read: read ?? null,
    }),
    slo: {
      interactive: given({
        ttft_ms: interactive.ttftMs,
        tpot_ms: interactive.tpotMs,
        gap_ms: interactive.gapMs,
        e2e_ms: interactive.e2eMs,
        attainment: interactive.attainment ?? null,
      }),
    },
    admission: given({ max_queue: plan.admission.maxQueue, timeout_ms: plan.admission.timeoutMs }),
    // a chunk policy is refused where the lever is inert
    arms: Object.fromEntries(
      plan.arms.map(({ name, sourceHash: _, ...policies }) => {
        const { chunk, ...levers } = mapValues(policies, (text) => (isPolicyFile(text) ? resolve(text) : text))
        return [name, hasPools(plan.engines) ? levers : { chunk, ...levers }]
      }),
    ),
    experiment: given(plan.experiment),
  }
  return `# Plan ${plan.planHash}, shapewise ${plan.version}: every default written out.\n${yaml().stringify(scenario, { lineWidth: 0 })}`
}

function engineKeys(engine: EnginePlan, plan: Plan): Record<string, unknown> {
  const context = {
    ...specsOf(plan),
    precision: plan.precision,
    kvPrecision: plan.kvPrecision,
    moePath: engine.moePath,
    acceptance: defaultAcceptance(),
  }
  const byFraction = blocksByFraction(engine, context) === engine.numGpuBlocks
  return {
    name: engine.name,
    role: engine.role,
    count: engine.count,
    tp: engine.tp,
    pp: engine.pp,
    dp: engine.dp,
    cp: engine.cp,
    moe_tp: engine.moeTp,
    moe_ep: engine.moeEp,
    max_num_seqs: engine.maxNumSeqs,
    max_num_batched_tokens: engine.maxNumBatchedTokens,
    max_model_len: engine.maxModelLen,
    block_size: engine.blockSize,
    ...(byFraction ? { kv_memory_fraction: engine.kvMemoryFraction } : { num_gpu_blocks: engine.numGpuBlocks }),
    enable_prefix_caching: engine.enablePrefixCaching,
    ...(engine.hostGbPerGpu === null ? {} : { kv_offload: { host_gb_per_gpu: engine.hostGbPerGpu } }),
    ...(engine.mtp === null ? {} : { mtp: engine.mtp }),
    kv_reservation: engine.kvReservation,
    ...(engine.maySwitch ? { may_switch: true } : {}),
    ...(context.model.ffn.kind === 'moe' ? { moe_path: engine.moePath } : {}),
  }
}

const absolute = (nameOrPath: string): string => (looksLikePath(nameOrPath) ? resolve(nameOrPath) : nameOrPath)

const mapValues = <K extends string>(record: Readonly<Record<K, string>>, change: (value: string) => string): Record<K, string> =>
  Object.fromEntries(Object.entries<string>(record).map(([key, value]) => [key, change(value)])) as Record<K, string>

/** Without the keys that were not given. */
const given = (keys: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(keys).filter(([, value]) => value !== null))

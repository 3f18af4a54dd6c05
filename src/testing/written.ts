/** A small scenario as the files of a user: `scenario.yaml` and its trace. What is written here and read again is the same run. */
import type { LeverName } from '../levers/lever.js'
import { clusterConfig, loadScenario, type Plan } from '../scenario/index.js'
import type { ClusterConfig } from '../simulator/config.js'
import { createBlockBuilder } from '../traces/blocks.js'
import { shapesOnly, type Workload } from '../traces/workload.js'
import { NS_PER_MS } from '../units.js'
import { SMALL_BLOCK, type SmallEngine, type SmallScenario } from './small.js'

/** The arm of the policy under check. */
export const CHECKED_ARM = 'checked'

export const traceName = ({ caching }: SmallScenario): string => (caching ? 'trace.jsonl' : 'trace.csv')

function engineText(engine: SmallEngine, { caching, mtp, reservation }: SmallScenario): string {
  const { role, layout, count, maxNumSeqs, maxNumBatchedTokens, maxModelLen, numGpuBlocks, maySwitch } = engine
  const keys = [
    `role: ${role}`,
    `layout: ${layout}`,
    `count: ${count}`,
    `max_num_seqs: ${maxNumSeqs}`,
    `max_num_batched_tokens: ${maxNumBatchedTokens}`,
    `max_model_len: ${maxModelLen}`,
    `block_size: ${SMALL_BLOCK}`,
    `num_gpu_blocks: ${numGpuBlocks}`,
    `kv_reservation: ${reservation}`,
    ...(caching ? ['enable_prefix_caching: true'] : []),
    ...(mtp > 0 && role !== 'prefill' ? [`mtp: ${mtp}`] : []),
    ...(maySwitch ? ['may_switch: true'] : []),
  ]
  return `  - {${keys.join(', ')}}\n`
}

/** `policies`: those of the checked arm beside the companions. */
export function scenarioText(drawn: SmallScenario, policies: Readonly<Partial<Record<LeverName, string>>>): string {
  // engines that may change their role are refused where no policy ever asks them to
  const roles = drawn.engines.some(({ maySwitch }) => maySwitch) ? { pool: 'adaptive-roles' } : {}
  const arm = Object.entries({ ...roles, ...drawn.companions, ...policies }).map(
    ([lever, text]) => `${lever}: ${JSON.stringify(text)}`,
  )
  const read = drawn.caching ? `, read: {block_tokens: ${SMALL_BLOCK}}` : ''
  return [
    'system: gb200\n',
    `model: ${drawn.engines[0].model}\n`,
    'engines:\n',
    ...drawn.engines.map((engine) => engineText(engine, drawn)),
    `workload: {path: ${traceName(drawn)}, load: {method: as_recorded}${read}}\n`,
    arm.length > 0 ? `arms:\n  ${CHECKED_ARM}: {${arm.join(', ')}}\n` : '',
  ].join('')
}

export function traceText({ caching, requests }: SmallScenario): string {
  if (!caching) {
    const rows = requests.map(({ arrivalMs, isl, osl }) => `${(arrivalMs / 1e3).toFixed(3)},${isl},${osl}\n`)
    return `arrival_s,input_tokens,output_tokens\n${rows.join('')}`
  }
  const lines = requests.map(({ arrivalMs, isl, osl, blocks }) =>
    JSON.stringify({ timestamp: arrivalMs, input_length: isl, output_length: osl, hash_ids: blocks }),
  )
  return `${lines.join('\n')}\n`
}

export function workloadOf({ caching, requests }: SmallScenario): Workload {
  const workload = shapesOnly(
    Float64Array.from(requests, ({ arrivalMs }) => arrivalMs * NS_PER_MS),
    Int32Array.from(requests, ({ isl }) => isl),
    Int32Array.from(requests, ({ osl }) => osl),
    { name: 'checked', format: 'generated', note: 'Drawn by a property.', rowsRead: requests.length, rowsSkipped: 0 },
  )
  if (!caching) return workload
  const builder = createBlockBuilder()
  const dense = new Map<number, number>()
  for (const { blocks } of requests) {
    builder.next()
    for (const id of blocks) {
      if (!dense.has(id)) dense.set(id, dense.size)
      builder.push(dense.get(id) as number)
    }
  }
  return { ...workload, ...builder.columns(), blockTokens: SMALL_BLOCK }
}

/** Plans that are kept, with their tables: some hundred kB each. */
const MOST_PREPARED = 500
const prepared = new Map<string, { readonly plan: Plan; readonly config: ClusterConfig }>()

/** Plan and cluster of a drawn scenario. Many have the same engines, so they are kept. */
export function planOf(drawn: SmallScenario): { readonly plan: Plan; readonly config: ClusterConfig } {
  const text = scenarioText(drawn, {})
  const known = prepared.get(text)
  if (known) return known
  const plan = loadScenario({ text, file: 'scenario.yaml' })
  const made = { plan, config: clusterConfig(plan) }
  if (prepared.size >= MOST_PREPARED) prepared.clear()
  prepared.set(text, made)
  return made
}

/** A plan for people and for programs. */
import { type Placement, placeEngines } from '../hardware/placement.js'
import type { SystemSpec } from '../hardware/system.js'
import type { ArmSpec, LeverName } from '../levers/lever.js'
import { cautionsOf, precisionCautions } from './cautions.js'
import { profileConstants } from './constants.js'
import { engineGpus } from './engine.js'
import { moePathInForce, type Stack } from './moePath.js'
import type { EnginePlan, LoadPlan, Plan, SloPlan, WorkloadPlan } from './plan.js'
import { poolsName } from './pools.js'
import { specsOf } from './specs.js'

/** Where every engine of a plan sits. */
export function placementOf(plan: Plan): readonly Placement[] {
  const groups = plan.engines.map((engine) => ({ name: engine.name, count: engine.count, gpus: engineGpus(engine) }))
  const { trays, gpusPerTray } = plan.rack
  const shape = { nvlinkDomainGpus: { value: trays * gpusPerTray }, gpusPerTray: { value: gpusPerTray } }
  return placeEngines(groups, plan.racks, shape).placed
}

/** GPUs that serve, over all engines. */
export const gpusOfPlan = (plan: Plan): number => plan.engines.reduce((sum, engine) => sum + engine.count * engineGpus(engine), 0)

/** The same as JSON, keys in snake case. */
export function planJson(plan: Plan): string {
  return `${JSON.stringify(snake(plan), null, 2)}\n`
}

/** Keys in snake_case, as everywhere in JSON. */
function snake(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snake)
  if (value === null || typeof value !== 'object') return value
  const entries = Object.entries(value as Record<string, unknown>)
  return Object.fromEntries(
    entries.map(([key, held]) => [key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), snake(held)]),
  )
}

/** What `shapewise plan` prints: engines, memory and placement, for people. */
export function describePlan(plan: Plan): string {
  const { system, model } = specsOf(plan)
  const placed = placementOf(plan)
  const installed = plan.racks * system.nvlinkDomainGpus.value
  const { maxQueue, timeoutMs } = plan.admission
  const rows: [string, string][] = [
    ['plan', `${plan.planHash} (shapewise ${plan.version})`],
    ['system', `${system.title}, ${plan.racks} ${plural('rack', plan.racks)}, ${gpusOfPlan(plan)} of ${installed} GPUs in use`],
    ['domain', domainWords(plan, system)],
    ['model', `${model.title}, weights ${plan.precision}, KV ${plan.kvPrecision}`],
    ['stack', stackWords(plan)],
    ...poolsRows(plan),
    [
      'workload',
      `${shapeWords(plan.workload)}, ${loadWords(plan.workload.load)}${plan.workload.spreadTicks ? ', ticks spread' : plan.workload.keepTicks ? ', ticks kept' : ''}`,
    ],
    ...(plan.workload.path === null ? [] : [['trace', 'not read here; `shapewise trace inspect` reads it'] as [string, string]]),
    ['limits', limitWords(plan.slo.interactive)],
    [
      'admission',
      `${maxQueue === null ? 'no queue limit' : `at most ${maxQueue} waiting`}, ${timeoutMs === null ? 'no timeout' : `timeout ${timeoutMs} ms`}`,
    ],
    ['arms', plan.arms.length > 0 ? `the built-in ones and ${plan.arms.map(armWords).join(', ')}` : 'the built-in ones'],
    [
      'experiment',
      `${plan.experiment.replicates} replicates${plan.experiment.measure === null ? '' : ` of ${plan.experiment.measure} mean E2E`}, ${plan.experiment.warmup === null ? 'warm-up 10 mean E2E, or until the engines hold what they will' : `warm-up ${plan.experiment.warmup} mean E2E`}, seed ${plan.experiment.seed}`,
    ],
  ]
  const engines = plan.engines.map((engine, group) =>
    engineText(
      engine,
      placed.filter((one) => one.group === group),
      system,
      expertsWords(engine, { ...plan, model }),
    ),
  )
  const cautions = [...cautionsOf(plan), ...precisionCautions(plan)].map((caution) => `\nNote: ${caution}\n`)
  return `${aligned(rows)}\n\n${engines.join('\n\n')}\n${cautions.join('')}`
}

const stackWords = ({ profile, engines }: Plan): string => {
  const speculating = engines.filter(({ mtp }) => mtp !== null)
  const drafts = speculating.map(({ name, mtp }) => `${name} mtp${mtp?.n}, acceptance ${mtp?.acceptance}`)
  const { frontendMs } = profileConstants(profile)
  const frontend = frontendMs > 0 ? [`${frontendMs} ms of every TTFT in the frontend`] : []
  return [`profile ${profile}`, ...frontend, ...drafts].join('; ')
}

function poolsRows({ engines, firstToken }: Plan): [string, string][] {
  const name = poolsName(engines)
  if (name === null) return []
  const first = firstToken === 'prefill' ? 'after the transfer, computed by prefill' : 'with the first decode step'
  return [['pools', `${name}: prefill and decode on engines of their own; first token ${first}`]]
}

/** What one NVLink domain is made of, and what it is joined by. */
function domainWords({ rack }: Plan, system: SystemSpec): string {
  const { gracePerTray, switchAsics, nvlinkBytesPerS, nicBytesPerS } = system
  const tray = rack.trays === 1 ? 'one node' : `${rack.trays} trays`
  const grace = gracePerTray.value === 0 ? '' : ` and ${gracePerTray.value} Grace CPUs`
  const [nvlink, nic] = [nvlinkBytesPerS, nicBytesPerS].map(({ value }) => `${value / 1e9} GB/s`)
  return `${tray} of ${rack.gpusPerTray} GPUs${grace} behind ${switchAsics.value} NVLink switch ASICs; a GPU has ${nvlink} each way, ${nic} to other domains`
}

function shapeWords({ path, preset, uniform }: WorkloadPlan): string {
  if (path !== null) return path
  if (uniform === null) return `preset ${preset}`
  const { isl, osl, spread, requests } = uniform
  return `${requests} requests of ${isl} input and ${osl} output tokens, each drawn evenly from ${spread} of that up to all of it`
}

function engineText(engine: EnginePlan, placed: readonly Placement[], system: SystemSpec, experts: string): string {
  const gpus = engineGpus(engine)
  const tokens = engine.numGpuBlocks * engine.blockSize
  const kvBytes = tokens * engine.kvBytesPerToken
  const averageTokens = Math.floor(tokens / engine.maxNumSeqs)
  const head = `engine ${engine.name}: ${engine.count} x ${engine.layout}${engine.mtp === null ? '' : ` mtp${engine.mtp.n}`}${engine.role === 'aggregated' ? '' : `, ${engine.role}`} (${gpus} ${plural('GPU', gpus)}, ${engine.dp} ${plural('rank', engine.dp)} each)`
  const rows: [string, string][] = [
    [
      'weights',
      `${gib(engine.weightBytes)} per GPU, activations ${gib(engine.activationBytes)}, of ${gib(system.hbmBytes.value)} HBM`,
    ],
    [
      'KV cache',
      `${engine.numGpuBlocks} blocks of ${engine.blockSize} tokens per rank = ${tokens} tokens, ${gib(kvBytes)} per GPU, ${engine.kvBytesPerToken} B per token`,
    ],
    [
      'largest batch',
      `${engine.maxNumSeqs} sequences per rank (${averageTokens} tokens each fill the KV); ${engine.fullLengthSequences} of full length ${engine.maxModelLen}`,
    ],
    ['step', `at most ${engine.maxNumBatchedTokens} tokens per rank${experts}`],
    ...(engine.kvReservation === 'full'
      ? [['reservation', 'KV for the whole input and output is set aside: nobody is preempted'] as [string, string]]
      : []),
    ...(engine.maySwitch
      ? [['roles', 'may change between prefill and decode, where the pool policy of an arm wants it'] as [string, string]]
      : []),
    ...(engine.enablePrefixCaching
      ? [
          [
            'prefix cache',
            `computed blocks of prompts stay until their memory is needed${engine.hostGbPerGpu === null ? '' : `, then in ${engine.hostGbPerGpu} GB of host memory a GPU`}`,
          ] as [string, string],
        ]
      : []),
    ...placementRows(placed),
  ]
  return `${head}\n${aligned(rows, '  ')}`
}

/** A family that a recipe states for an engine whose price does not depend on it is not said as if it did. */
function expertsWords(engine: EnginePlan, stack: Stack): string {
  if (engine.moePath === 'auto') return ''
  return `, experts by ${engine.moePath}${moePathInForce(engine, stack) ? '' : ' (priced as auto)'}`
}

/** One row per rack: which trays the engines take. */
function placementRows(placed: readonly Placement[]): [string, string][] {
  const racks = [...new Set(placed.map(({ rack }) => rack))].sort((a, b) => a - b)
  return racks.map((rack) => {
    const here = placed.filter((one) => one.rack === rack)
    const gpus = here.flatMap((one) => one.gpus)
    const trays = here.flatMap((one) => one.trays)
    return [
      `rack ${rack}`,
      `${here.length} ${plural('engine', here.length)} on ${spanOf('GPU', gpus)} (${spanOf('tray', [...new Set(trays)])})`,
    ]
  })
}

/** `tray 3`, `trays 3-5`, and where some between are left out `2 of trays 3-5`. */
function spanOf(noun: string, numbers: readonly number[]): string {
  const [first, last] = [Math.min(...numbers), Math.max(...numbers)]
  if (first === last) return `${noun} ${first}`
  const all = last - first + 1 === numbers.length
  return `${all ? '' : `${numbers.length} of `}${noun}s ${first}-${last}`
}

/** An arm by its name, with what was read of its policies that are files. */
function armWords({ name, sourceHash, ...policies }: ArmSpec): string {
  const files = Object.entries(sourceHash ?? {}).map(([lever, hash]) => `${lever} ${policies[lever as LeverName]} sha256 ${hash}`)
  return files.length > 0 ? `${name} (${files.join('; ')})` : name
}

const LOAD_WORDS: Readonly<Record<LoadPlan['method'], string>> = {
  superpose: 'copies superposed',
  speed_up: 'arrivals sped up',
  closed_loop: 'closed loop',
  as_recorded: 'as recorded',
}

function loadWords(load: LoadPlan): string {
  return `${amountWords(load)}${load.sessions === 'closed' ? ', each turn after the answer before it' : ''}`
}

function amountWords({ method, fraction, ratePerS, speedUp, concurrency }: LoadPlan): string {
  const words = LOAD_WORDS[method]
  if (concurrency !== null) return `${words}, ${concurrency} requests (or sessions) in flight`
  if (ratePerS !== null) return `${words} to ${ratePerS} requests (or sessions) per second`
  if (speedUp !== null) return `${words} ${speedUp} times`
  if (fraction !== null) return `${words} to ${fraction} of the static arm's capacity`
  return words
}

const plural = (word: string, count: number): string => (count === 1 ? word : `${word}s`)
const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`

/** TTFT <= 2000 ms, TPOT <= 50 ms for 99 % of requests, where that share is stated; empty without a limit. */
export function limitWords({ ttftMs, tpotMs, gapMs, e2eMs, attainment }: SloPlan): string {
  const limits = [limit('TTFT', ttftMs), limit('TPOT', tpotMs), limit('largest gap', gapMs), limit('E2E', e2eMs)]
  const words = limits.filter((text) => text !== null).join(', ')
  return words === '' || attainment === undefined ? words : `${words} for ${percentWords(attainment)} of requests`
}

/** 0.57 -> 57 %, with as many digits as were stated. */
export const percentWords = (share: number): string => `${Number((100 * share).toFixed(6))} %`

const limit = (name: string, valueMs: number | null): string | null => (valueMs === null ? null : `${name} <= ${valueMs} ms`)

function aligned(rows: readonly (readonly [string, string])[], indent = ''): string {
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, text]) => `${indent}${name.padEnd(width)}  ${text}`).join('\n')
}

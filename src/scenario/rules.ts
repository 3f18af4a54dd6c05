/** Cross-field rules of the workload, the limits and the racks. Each rule gives sentences, not booleans. */

import { placeEngines } from '../hardware/placement.js'
import { type Problem, showPath } from '../yaml/issues.js'
import type { Path } from '../yaml/text.js'
import { profileConstants } from './constants.js'
import type { EngineContext } from './engine.js'
import { engineGpus, instanceNames } from './engine.js'
import { AMOUNTS_OF, LOAD_AMOUNTS, UNIFORM_KEYS } from './loadKeys.js'
import type { EnginePlan } from './plan.js'
import type { Entry } from './pools.js'
import { readProblems } from './readKeys.js'
import type { ScenarioInput } from './schema.js'

export function workloadProblems(workload: ScenarioInput['workload']): Problem[] {
  const { path, preset, load } = workload
  const problems: Problem[] = [...uniformProblems(workload), ...readProblems(workload)]
  if (path === undefined && preset === undefined) {
    problems.push({
      path: ['workload'],
      message: 'workload: needs exactly one of path and preset, got neither',
      hint: 'for example preset: chat',
    })
  }
  if (path !== undefined && preset !== undefined) {
    problems.push({
      path: ['workload'],
      key: 'preset',
      message: 'workload: needs exactly one of path and preset, got both',
      hint: 'remove one of them',
    })
  }
  if (!load) return problems
  const method = load.method ?? 'superpose'
  const allowed = AMOUNTS_OF[method]
  const given = LOAD_AMOUNTS.filter((key) => load[key] !== undefined)
  for (const key of given.filter((key) => !allowed.includes(key))) {
    const hint =
      allowed.length > 0
        ? `remove it; ${method} takes ${allowed.join(' or ')}`
        : `remove it; ${method} replays the trace at its own pace`
    problems.push({ path: ['workload', 'load'], key, message: `workload.load.${key}: has no effect with method ${method}`, hint })
  }
  if (method === 'closed_loop' && load.sessions !== undefined) {
    problems.push({
      path: ['workload', 'load'],
      key: 'sessions',
      message:
        'workload.load.sessions: has no effect with method closed_loop, in which every turn waits for the answer before it',
      hint: 'remove it',
    })
  }
  const fitting = given.filter((key) => allowed.includes(key))
  if (fitting.length > 1) {
    problems.push({
      path: ['workload', 'load'],
      key: fitting[1],
      message: `workload.load: ${fitting.join(' and ')} exclude each other`,
      hint: 'keep one of them',
    })
  }
  if (fitting.length === 0 && allowed.length > 0 && method !== 'superpose') {
    problems.push({
      path: ['workload', 'load'],
      message: `workload.load: method ${method} needs ${allowed.join(' or ')}`,
      hint: `add ${allowed[allowed.length - 1]}`,
    })
  }
  return problems
}

/** `uniform` needs its lengths; every other workload has lengths of its own. */
function uniformProblems(workload: ScenarioInput['workload']): Problem[] {
  const problem = (key: string, message: string, hint: string): Problem => ({
    path: ['workload'],
    key,
    message: `workload.${key}: ${message}`,
    hint,
  })
  if (workload.preset !== 'uniform')
    return UNIFORM_KEYS.filter((key) => workload[key] !== undefined).map((key) =>
      problem(
        key,
        `has no effect with ${workload.path === undefined ? `preset ${workload.preset}` : 'a path'}`,
        'remove it, or set preset: uniform',
      ),
    )
  return (['isl', 'osl'] as const)
    .filter((key) => workload[key] === undefined)
    .map((key) => problem(key, 'the preset uniform needs it', `for example ${key}: 1024 (tokens)`))
}

/** Prefix caches need prompts that have something in common. */
export function prefixProblems({ workload }: ScenarioInput, entries: readonly Entry[]): Problem[] {
  // engines with a fault have no entries: their settings are not known yet
  if (entries.length === 0) return []
  const caching = entries.find(({ input }) => input.enable_prefix_caching === true)
  if (caching === undefined)
    return workload.cache_answers === true
      ? [
          {
            path: ['workload', 'cache_answers'],
            message: 'workload.cache_answers: has no effect where no engine caches prefixes',
            hint: 'remove it, or set enable_prefix_caching: true',
          },
        ]
      : []
  if (workload.preset !== 'uniform') return []
  const at = [...caching.path, 'enable_prefix_caching']
  const message = `${showPath(at)}: has no effect with the preset uniform, whose prompts have nothing in common`
  return [{ path: at, message, hint: 'remove it, or name a trace with prefix ids' }]
}

/** Time that every request of a stack spends before it is queued: no engine can make up for a limit below it. */
export function frontendProblems({ profile = 'generic', slo }: ScenarioInput): Problem[] {
  const { frontendMs } = profileConstants(profile)
  const { ttft_ms, e2e_ms } = slo?.interactive ?? {}
  return Object.entries({ ttft_ms, e2e_ms }).flatMap(([key, limitMs]) =>
    limitMs === undefined || limitMs > frontendMs
      ? []
      : [
          {
            path: ['slo', 'interactive'],
            key,
            message: `slo.interactive.${key}: every request of ${profile} spends ${frontendMs} ms in the frontend, so none can be within ${limitMs}`,
            hint: `give more than ${frontendMs}, or use profile: generic, which has no frontend`,
          },
        ],
  )
}

/** Warm-up and window of a closed loop are counted in requests by whoever runs it. */
export function experimentProblems({ experiment, workload }: ScenarioInput): Problem[] {
  if (workload.load?.method !== 'closed_loop') return []
  const keys = (['warmup', 'measure'] as const).filter((key) => experiment?.[key] !== undefined)
  return keys.map((key) => ({
    path: ['experiment'],
    key,
    message: `experiment.${key}: has no effect with method closed_loop`,
    hint: `remove it, or --set experiment.${key}=null; a closed loop counts ${key === 'warmup' ? 'its warm-up' : 'what it measures'} in requests`,
  }))
}

/** All of a closed loop come at once: what finds the queues full is turned away, the next one is sent in its place and turned away too. On the safe side: engines take one each. */
export function admissionProblems({ admission, workload }: ScenarioInput): Problem[] {
  const { max_queue: most } = admission ?? {}
  const { method, concurrency } = workload.load ?? {}
  if (most === undefined || method !== 'closed_loop' || concurrency === undefined || concurrency <= most) return []
  return [
    {
      path: ['admission', 'max_queue'],
      message: `admission.max_queue: ${concurrency} requests of the closed loop come at once, and what queues of ${most} turn away is replaced at once and turned away too, until the trace is over`,
      hint: `raise it to ${concurrency} or more, remove it, or lower workload.load.concurrency`,
    },
  ]
}

export function sloProblems(slo: ScenarioInput['slo']): Problem[] {
  if (!slo?.interactive) return []
  const path = ['slo', 'interactive']
  if (Object.keys(slo.interactive).length > 0) return []
  return [
    {
      path,
      message: 'slo.interactive: has no limit, so every request would meet it',
      hint: 'give ttft_ms, tpot_ms, gap_ms or e2e_ms, or remove slo',
    },
  ]
}

export function precisionProblems(input: ScenarioInput, { model }: Pick<EngineContext, 'model'>): Problem[] {
  const known = model.precisions.map(({ precision }) => precision)
  if (input.precision === undefined || known.includes(input.precision)) return []
  return [
    {
      path: ['precision'],
      message: `precision: ${model.name} has no ${input.precision} checkpoint`,
      hint: `allowed: ${known.join(', ')}`,
    },
  ]
}

/** Names are unique and the engines fit the racks. `paths` says where each kind stands. */
export function placementProblems(
  engines: readonly EnginePlan[],
  paths: readonly Path[],
  racks: number,
  { system }: Pick<EngineContext, 'system'>,
): Problem[] {
  const problems: Problem[] = []
  engines.forEach(({ name, count }, i) => {
    const first = engines.findIndex((engine) => engine.name === name)
    if (first < i)
      problems.push({
        path: [...paths[i], 'name'],
        message: `${showPath(paths[i])}.name: '${name}' is also the name of ${showPath(paths[first])}`,
        hint: 'give each kind of engine its own name',
      })
    const taken = count > 1 ? -1 : engines.findIndex((kind) => kind.count > 1 && instanceNames(kind).includes(name))
    if (taken >= 0)
      problems.push({
        path: [...paths[i], 'name'],
        message: `${showPath(paths[i])}.name: '${name}' is also the name of one of the ${engines[taken].count} engines of ${showPath(paths[taken])}, '${engines[taken].name}'`,
        hint: 'rename one of the two kinds',
      })
  })
  const groups = engines.map((engine) => ({ name: engine.name, count: engine.count, gpus: engineGpus(engine) }))
  for (const { group, reason, hint } of placeEngines(groups, racks, system).refused) {
    problems.push({ path: [...paths[group], 'count'], message: `${showPath(paths[group])}: ${reason}`, hint })
  }
  return problems
}

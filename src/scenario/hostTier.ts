/** The second tier of prefix caches: memory of the Grace CPUs, reached over NVLink-C2C. */
import type { SystemSpec } from '../hardware/system.js'
import type { EngineConfig } from '../simulator/config.js'
import { PS_PER_S } from '../units.js'
import { type Problem, showPath } from '../yaml/issues.js'
import type { Path } from '../yaml/text.js'
import type { EnginePlan } from './plan.js'

const BYTES_PER_GB = 1e9

const gpusPerGrace = ({ gpusPerTray, gracePerTray }: SystemSpec): number => gpusPerTray.value / gracePerTray.value
const gpusPerRank = ({ tp, pp, cp }: EnginePlan): number => tp * pp * cp

/** Loads are bound by the memory of a Grace (384 GB/s) rather than by its C2C link (450 GB/s each way); both serve all its GPUs. */
export function hostTierOf(
  engine: EnginePlan,
  system: SystemSpec,
): Pick<EngineConfig, 'hostBlocks' | 'ranksPerHost' | 'loadPsPerToken'> {
  const { c2cBytesPerS, lpddrBytesPerS } = system
  if (engine.hostGbPerGpu === null || c2cBytesPerS === undefined || lpddrBytesPerS === undefined)
    return { hostBlocks: 0, ranksPerHost: 1, loadPsPerToken: 0 }
  const bytesPerS = Math.min(c2cBytesPerS.value, lpddrBytesPerS.value)
  const width = gpusPerRank(engine)
  const shares = Math.min(width, gpusPerGrace(system))
  return {
    hostBlocks: Math.floor((engine.hostGbPerGpu * BYTES_PER_GB) / (engine.kvBytesPerToken * engine.blockSize)),
    ranksPerHost: Math.max(1, Math.floor(gpusPerGrace(system) / width)),
    loadPsPerToken: (shares * engine.kvBytesPerToken * PS_PER_S) / bytesPerS,
  }
}

/** What a host holds, and engines that would have it for themselves. */
export function hostTierProblems(path: Path, engine: EnginePlan, system: SystemSpec): Problem[] {
  if (engine.hostGbPerGpu === null) return []
  const at = [...path, 'kv_offload']
  const fault = (message: string, hint: string): Problem[] => [{ path: at, message: `${showPath(at)}: ${message}`, hint }]
  const { lpddrBytesPerGrace, c2cBytesPerS, lpddrBytesPerS } = system
  if (lpddrBytesPerGrace === undefined || c2cBytesPerS === undefined || lpddrBytesPerS === undefined)
    return fault(`${system.title} has no Grace memory behind NVLink-C2C`, 'remove it, or choose gb200 or gb300')
  const mostGb = lpddrBytesPerGrace.value / gpusPerGrace(system) / BYTES_PER_GB
  if (engine.hostGbPerGpu > mostGb)
    return fault(`a Grace has ${mostGb} GB for each of its GPUs, fewer than ${engine.hostGbPerGpu}`, `give at most ${mostGb}`)
  const gpus = gpusPerRank(engine) * engine.dp
  if (gpus % gpusPerGrace(system) !== 0)
    return fault(
      `an engine of ${gpus} GPUs shares a Grace with its neighbour, and loads of two engines over one Grace are not built`,
      `use a multiple of ${gpusPerGrace(system)} GPUs an engine`,
    )
  return []
}

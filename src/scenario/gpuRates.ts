/** What a GPU of a plan costs, by the file of its system. */
import type { GpuRates } from '../metrics/cost.js'
import type { Plan } from './plan.js'
import { specsOf } from './specs.js'

export function gpuRatesOf(plan: Plan): GpuRates {
  const { usdPerGpuHour, gpuWatts } = specsOf(plan).system
  return { usd_per_gpu_hour: usdPerGpuHour.value, gpu_watts: gpuWatts.value }
}

/** What stands behind `usd_per_mtok_output` and `joules_per_output_token`, and how well it is known. */
export function costNote(plan: Plan): string {
  const { usdPerGpuHour: usd, gpuWatts: watts } = specsOf(plan).system
  return `Costs are those of the engines' GPUs, idle or not: ${usd.value} USD an hour (trust ${usd.trust}: ${usd.source}) and ${watts.value} W (trust ${watts.trust}: ${watts.source}). Prompts are free, and GPUs of the rack that no engine uses are not counted.`
}

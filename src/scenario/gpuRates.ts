import type { GpuRates } from '../metrics/cost.js'
import type { Plan } from './plan.js'
import { specsOf } from './specs.js'

/** What a GPU of the plan costs, by the file of its system. */
export function gpuRatesOf(plan: Plan): GpuRates {
  const { usdPerGpuHour, gpuWatts } = specsOf(plan).system
  return { usd_per_gpu_hour: usdPerGpuHour.value, gpu_watts: gpuWatts.value }
}

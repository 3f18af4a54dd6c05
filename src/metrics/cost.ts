/** What output tokens cost: GPUs are paid and powered whole, whatever they do, and prompts are free. Linear in time, so two throughputs say all. */

const S_PER_HOUR = 3600

/** Of one GPU, by the file of its system, with its share of the rack. */
export interface GpuRates {
  readonly usd_per_gpu_hour: number
  readonly gpu_watts: number
}

export interface TokenCost {
  /** USD per million output tokens. */
  readonly usd_per_mtok_output: number
  readonly joules_per_output_token: number
}

/** `outputTokSPerGpu`: output tokens per second and GPU; null without any, and without rates, as in folders of earlier versions. */
export function tokenCost(
  outputTokSPerGpu: number | null,
  { usd_per_gpu_hour: usd, gpu_watts: watts }: Partial<GpuRates>,
): TokenCost | null {
  if (outputTokSPerGpu === null || !(outputTokSPerGpu > 0) || usd === undefined || watts === undefined) return null
  return {
    usd_per_mtok_output: (usd * 1e6) / (S_PER_HOUR * outputTokSPerGpu),
    joules_per_output_token: watts / outputTokSPerGpu,
  }
}

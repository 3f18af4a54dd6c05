/**
 * A system as a data file (data/systems/*.json): every constant with its unit, trust letter and source. A rack is one NVLink domain:
 * 18 trays of 4 GPUs, or a single node of 8.
 */
export interface Sourced {
  readonly value: number
  readonly unit: string
  /** A vendor page, code or measured table read; B credible secondary page; C derived or recalled. */
  readonly trust: 'A' | 'B' | 'C'
  readonly source: string
}

/** Systems whose kernels were measured: data/timing/*.bin. */
export const MEASURED_SYSTEMS = ['gb200', 'gb300'] as const
export type MeasuredSystem = (typeof MEASURED_SYSTEMS)[number]

export interface SystemSpec {
  readonly name: string
  readonly title: string
  /** Where kernel times come from: measured tables of this system, or transferred. */
  readonly evidence: 'measured' | 'transferred'
  /** Whose measured kernel times price a step, and what they are multiplied by (clock and bandwidth ratios; 1 = its own tables). */
  readonly kernels: {
    readonly of: MeasuredSystem
    readonly factor: number
    readonly trust: Sourced['trust']
    readonly source: string
  }
  readonly traysPerRack: Sourced
  readonly gpusPerTray: Sourced
  readonly gracePerTray: Sourced
  readonly nvlinkDomainGpus: Sourced
  readonly switchAsics: Sourced
  readonly smsPerGpu: Sourced
  readonly hbmBytes: Sourced
  readonly hbmBytesPerS: Sourced
  readonly nvlinkBytesPerS: Sourced
  readonly nvlinkEfficiency: Sourced
  readonly nicBytesPerS: Sourced
  /** Host memory behind NVLink-C2C; absent where the hosts have no Grace CPU. */
  readonly c2cBytesPerS?: Sourced
  readonly lpddrBytesPerGrace?: Sourced
  readonly lpddrBytesPerS?: Sourced
  readonly denseFlops: { readonly nvfp4: Sourced; readonly fp8: Sourced; readonly bf16: Sourced }
  readonly gpuWatts: Sourced
  readonly usdPerGpuHour: Sourced
}

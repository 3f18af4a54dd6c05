/** A rack system as a data file (data/systems/*.json): every constant with its unit, trust letter and source. */
export interface Sourced {
  readonly value: number
  readonly unit: string
  /** A vendor page, code or measured table read; B credible secondary page; C derived or recalled. */
  readonly trust: 'A' | 'B' | 'C'
  readonly source: string
}

export interface SystemSpec {
  readonly name: string
  readonly title: string
  /** Where kernel times come from: measured tables of this system, or transferred. */
  readonly evidence: 'measured' | 'transferred'
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
  readonly c2cBytesPerS: Sourced
  readonly lpddrBytesPerGrace: Sourced
  readonly lpddrBytesPerS: Sourced
  readonly denseFlops: { readonly nvfp4: Sourced; readonly fp8: Sourced; readonly bf16: Sourced }
  readonly gpuWatts: Sourced
  readonly usdPerGpuHour: Sourced
}

/** Shape of a system file. Strict: every constant carries its unit, trust letter and source. */
import * as z from 'zod'
import { MEASURED_SYSTEMS, type SystemSpec } from './system.js'

const sourced = (value: z.ZodNumber | z.ZodInt) =>
  z.strictObject({ value, unit: z.string().min(1), trust: z.enum(['A', 'B', 'C']), source: z.string().min(1) })
const count = sourced(z.int().min(1).max(1e6))
const rate = sourced(z.number().positive().max(1e18))

export const systemSchema: z.ZodType<SystemSpec> = z
  .strictObject({
    name: z.string().min(1),
    title: z.string().min(1),
    evidence: z.enum(['measured', 'transferred']),
    kernels: z.strictObject({
      of: z.enum(MEASURED_SYSTEMS),
      factor: z.number().gt(0).max(100),
      trust: z.enum(['A', 'B', 'C']),
      source: z.string().min(1),
    }),
    traysPerRack: count,
    gpusPerTray: count,
    gracePerTray: sourced(z.int().min(0).max(1e6)),
    nvlinkDomainGpus: count,
    switchAsics: count,
    smsPerGpu: count,
    hbmBytes: sourced(z.int().min(1).max(1e15)),
    hbmBytesPerS: rate,
    nvlinkBytesPerS: rate,
    nvlinkEfficiency: sourced(z.number().positive().max(1)),
    nicBytesPerS: rate,
    c2cBytesPerS: rate.optional(),
    lpddrBytesPerGrace: rate.optional(),
    lpddrBytesPerS: rate.optional(),
    denseFlops: z.strictObject({ nvfp4: rate, fp8: rate, bf16: rate }),
    gpuWatts: rate,
    usdPerGpuHour: sourced(z.number().min(0).max(1e6)),
  })
  .refine(
    ({ nvlinkDomainGpus, traysPerRack, gpusPerTray }) => nvlinkDomainGpus.value === traysPerRack.value * gpusPerTray.value,
    {
      message: 'must be traysPerRack x gpusPerTray: a rack is one NVLink domain',
      path: ['nvlinkDomainGpus'],
    },
  )

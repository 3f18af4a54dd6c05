/** Shape of a system file. Strict: every constant carries its unit, which is that of its key, trust letter and source. */
import * as z from 'zod'
import { MEASURED_SYSTEMS, type SystemSpec } from './system.js'

/** The unit of a value is one of `units`, as it stands or with a remark after a comma: nothing is converted. */
const unitOf = (units: readonly string[]) =>
  z.string().refine((unit) => units.some((known) => unit === known || unit.startsWith(`${known},`)), {
    error: ({ input }) => `expected ${units.map((unit) => `'${unit}'`).join(' or ')}, got '${input}'`,
    params: { hint: 'give the value in this unit, which is not converted; a remark may follow it after a comma' },
  })
const sourced = (value: z.ZodNumber | z.ZodInt, ...units: string[]) =>
  z.strictObject({ value, unit: unitOf(units), trust: z.enum(['A', 'B', 'C']), source: z.string().min(1) })
const count = (...units: string[]) => sourced(z.int().min(1).max(1e6), ...units)
const rate = (...units: string[]) => sourced(z.number().positive().max(1e18), ...units)
const flops = rate('FLOP per second per GPU, without sparsity')

const SWITCHES = ['switch ASICs per rack', 'switch ASICs per node'].flatMap((unit) => [unit, `NVLink-5 ${unit}`])

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
    traysPerRack: count('trays per rack', 'nodes per NVLink domain'),
    gpusPerTray: count('GPUs per tray', 'GPUs per node'),
    gracePerTray: sourced(z.int().min(0).max(1e6), 'Grace CPUs per tray', 'Grace CPUs per node'),
    nvlinkDomainGpus: count('GPUs per NVLink domain'),
    switchAsics: count(...SWITCHES),
    smsPerGpu: count('SMs per GPU'),
    hbmBytes: sourced(z.int().min(1).max(1e15), 'bytes per GPU'),
    hbmBytesPerS: rate('bytes per second per GPU'),
    nvlinkBytesPerS: rate('bytes per second per GPU, each way'),
    nvlinkEfficiency: sourced(z.number().positive().max(1), 'share of the raw rate'),
    nicBytesPerS: rate('bytes per second per GPU, each way'),
    c2cBytesPerS: rate('bytes per second per Grace, each way').optional(),
    lpddrBytesPerGrace: rate('bytes per Grace').optional(),
    lpddrBytesPerS: rate('bytes per second per Grace').optional(),
    denseFlops: z.strictObject({ nvfp4: flops, fp8: flops, bf16: flops }),
    gpuWatts: rate('watts per GPU'),
    usdPerGpuHour: sourced(z.number().min(0).max(1e6), 'USD per GPU-hour'),
  })
  .refine(
    ({ nvlinkDomainGpus, traysPerRack, gpusPerTray }) => nvlinkDomainGpus.value === traysPerRack.value * gpusPerTray.value,
    {
      message: 'must be traysPerRack x gpusPerTray: a rack is one NVLink domain',
      path: ['nvlinkDomainGpus'],
      params: { hint: 'change one of the three' },
    },
  )

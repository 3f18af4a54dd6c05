/** Shipped workloads by name. */
import { fileURLToPath } from 'node:url'
import { UserError } from '../errors.js'
import { PRESETS, type PresetName } from './presetNames.js'
import { readTrace } from './read.js'
import type { Workload } from './workload.js'

export async function presetWorkload(name: string): Promise<Workload> {
  if (!(PRESETS as readonly string[]).includes(name))
    throw new UserError({
      where: 'workload.preset',
      message: `unknown preset '${name}'`,
      hint: `use one of ${PRESETS.join(', ')}, or workload.path for a trace of your own`,
    })
  if (name === 'equal') return (await import('./generate/presets.js')).buildPreset('equal')
  const path = fileURLToPath(new URL(`../../traces/${name as PresetName}.swt.gz`, import.meta.url))
  const { workload } = await readTrace(path, { spreadTicks: false })
  return workload
}

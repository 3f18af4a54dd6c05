/**
 * Decode context parallelism against a copy of the KV on each GPU, analytical form. Tensor parallelism gives a GPU 1/k of the query heads and all of the
 * KV; with context parallelism it has 1/k of the KV and all query heads, and exchanges partial outputs in every layer. Prefill and all else
 * stay. A closed loop of C requests then makes C x output tokens in C x prefill + output x step.
 */
import { loadModel } from '../../models/load.js'
import { PS_PER_US } from '../../units.js'
import type { SettingOf } from './cells.js'
import { geometricMean, type Simulated } from './simulated.js'
import { deepseekTimer, stepPs } from './stepPrice.js'

export function contextParallelGain({ input, output, degree, in_flight, exchange_us }: SettingOf<'context-parallel'>): Simulated {
  const most = Math.max(...in_flight)
  const shape = { system: 'b200', sequences: most, tokens: input + most, longest: 2 * (input + output) }
  const timer = deepseekTimer({ ...shape, tp: degree, dp: 1 })
  const allHeads = deepseekTimer({ ...shape, tp: 1, dp: degree })
  const exchangePs = loadModel('deepseek-r1').layers * exchange_us * PS_PER_US
  const gains = in_flight.map((requests) => {
    const kvTokens = requests * (input + Math.floor(output / 2))
    const prefillPs = stepPs(timer, [{ decoding: 0, kvTokens: 0, prompts: [input] }])
    const copiedPs = stepPs(timer, [{ decoding: requests, kvTokens, prompts: [] }])
    const kernelPs = allHeads.kernelPs(requests, Math.ceil(kvTokens / degree))
    const spreadPs = copiedPs - timer.kernelPs(requests, kvTokens) + kernelPs + exchangePs
    const cycle = (step: number): number => requests * prefillPs + output * step
    return cycle(copiedPs) / cycle(spreadPs)
  })
  return { value: geometricMean(gains), range: [Math.min(...gains), Math.max(...gains)], by: 'analytical form' }
}

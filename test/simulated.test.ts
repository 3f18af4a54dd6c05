import { expect, test } from 'vitest'
import { loadScenario, simulatedOf, simulatedWords } from '../src/scenario/index.js'

const wordsOf = (text: string) => simulatedWords(simulatedOf(loadScenario({ text: `system: gb200\n${text}`, file: 's.yaml' })))

test('engines of both roles, a file and other limits', () => {
  expect(
    wordsOf(
      `model: deepseek-r1
engines: [{layout: 2p1d, max_model_len: 8192, prefill: {layout: DEP4}, decode: {layout: DEP8, mtp: 1}}]
workload: {path: some/folder/week.csv}
slo: {interactive: {ttft_ms: 800, gap_ms: 120, e2e_ms: 30000, attainment: 0.999}}
`,
    ),
  ).toBe(
    'deepseek-r1 nvfp4 · GB200 · 2 x DEP4 prefill + 1 x DEP8 mtp1 decode (16 GPUs) · week.csv · SLO TTFT <= 800 ms, largest gap <= 120 ms, E2E <= 30000 ms for 99.9 % of requests',
  )
})

test('lengths that are drawn evenly', () => {
  expect(
    wordsOf(
      'model: llama-3.1-70b\nengines: [{layout: TP4, count: 1}]\nworkload: {preset: uniform, isl: 1024, osl: 64, requests: 20, load: {method: closed_loop, concurrency: 2}}\n',
    ),
  ).toContain(' · 1 x TP4 (4 GPUs) · uniform, up to 1024 input and 64 output tokens · ')
})

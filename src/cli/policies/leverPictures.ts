/** The pictures of `levers`: decisions in terms of one real engine. */
import { type PolicyInfo, parsePolicy } from '../../levers/index.js'
import { type Example, pictureOfPolicy } from '../../reports/levers/index.js'
import { clusterConfig, scenarioFromDefaults } from '../../scenario/index.js'

/** DeepSeek-R1 on 32 ranks of attention data parallelism: MLA, long contexts, a barrier every step. */
function exampleEngine(): Example {
  const sets = [
    'model=deepseek-r1',
    'precision=nvfp4',
    'engines.0.layout=DEP32',
    'engines.0.count=1',
    'engines.0.max_num_batched_tokens=8192',
  ]
  const [engine] = clusterConfig(scenarioFromDefaults({ sets })).engines
  return { title: 'DeepSeek-R1 NVFP4 DEP32 on gb200', engine }
}

/** What the policy decides. */
export function drawn({ lever, name }: PolicyInfo): string {
  return pictureOfPolicy(lever, parsePolicy(lever, name)(), exampleEngine())
}

/** What a reader of the results of a plan should know, and would not find out from them: said by `plan`, by runs, and in reports. */
import { profileConstants } from './constants.js'
import type { Plan } from './plan.js'
import { specsOf } from './specs.js'

/** Whole sentences. */
export function cautionsOf(plan: Plan): string[] {
  const { model } = specsOf(plan)
  const { profile, engines } = plan
  const isNamed = profile !== 'generic'
  const cautions: string[] = []
  if (isNamed && engines.some(({ role }) => role === 'aggregated'))
    cautions.push(
      `Constants of ${profile} were fitted on engines of one phase. On engines that serve both they are carried over, not measured; served systems of other GPUs showed 50 to 150 ms of frontend there in the place of ${profileConstants(profile).frontendMs}.`,
    )
  const drafting = engines.filter(({ mtp }) => mtp !== null)
  if (drafting.length > 0 && model.draftLayers === undefined)
    cautions.push(
      `${model.title} has no layers that draft tokens: mtp stands for another drafter, priced as layers of the model, with an acceptance that is assumed or was fitted on other models.`,
    )
  return cautions
}

/** What `plan` says besides: it concerns whoever compares plans, and no result of one. */
export const precisionCautions = ({ profile, precision }: Plan): string[] =>
  profile === 'generic' && (precision === 'fp8' || precision === 'nvfp4')
    ? [
        `Profile generic is fitted to no served system, and its ${precision} GEMMs quantise their own input: decode steps of Llama-3.1-70B on TP4 come out a third to 60 % longer in fp8 than with trtllm-2026, and longer than in bf16. Name a stack before precisions are compared.`,
      ]
    : []

/** Spread of the fitted constants: configurations are drawn again with replacement and the linear model is solved for each draw. */
import { quantileSorted } from 'simple-statistics'
import { stream } from '../../rng.js'
import type { Constants } from '../../timing/index.js'
import type { Fit } from './fit.js'
import { type ConstantName, constantsAt, coordinatesOf, type Parameter } from './parameters.js'
import { solveRobust } from './solve.js'

const DRAWS = 200

/** Constants that other draws of the same configurations would have given. */
export function drawConstants(fit: Fit, parameters: readonly Parameter[]): Constants[] {
  const { residuals, constants } = fit
  const configurations = 1 + Math.max(0, ...residuals.map(({ configuration }) => configuration))
  const reference = coordinatesOf(parameters, constants)
  const rng = stream(1, 'calibration draws')
  return Array.from({ length: DRAWS }, () => {
    const times = new Int32Array(configurations)
    for (let i = 0; i < configurations; i++) times[rng.integer(configurations)]++
    return constantsAt(
      parameters,
      solveRobust(residuals, parameters, reference, (configuration) => times[configuration]),
    )
  })
}

/** Central 95 % of a constant over the draws. */
export function rangeOf(draws: readonly Constants[], name: ConstantName): readonly [number, number] {
  const sorted = draws.map((draw) => draw[name]).sort((a, b) => a - b)
  return [quantileSorted(sorted, 0.025), quantileSorted(sorted, 0.975)]
}

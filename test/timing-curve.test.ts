/** Times beyond the last measured point of a curve. */
import { expect, it } from 'vitest'
import { affine, quadratic } from '../src/timing/kernels/curve.js'

it('experts go on with the slope of the last two octaves, within 0.6 to 1 of proportional growth', () => {
  const x = [1, 2, 4]
  expect(affine({ x, us: [7, 7.7, 9.1] }, 8)).toBeCloseTo(9.1 + 0.6 * 9.1, 9)
  expect(affine({ x, us: [1, 4, 16] }, 8)).toBeCloseTo(32, 9)
  expect(affine({ x, us: [4, 6, 10] }, 8)).toBeCloseTo(18, 9)
})

it('causal attention goes on at the rate of the last step, of the last octave where that step was disturbed, and at no less than the least', () => {
  const x = [2, 3, 4]
  const undisturbed = { x, us: [4, 9, 16] }
  expect(quadratic(0)(undisturbed, 8)).toBeCloseTo(64, 9)
  expect(quadratic(2)(undisturbed, 8)).toBeCloseTo(16 + 2 * 48, 9)
  // 14 us at 3: the last step grew by 2 of the 12 of the octave
  expect(quadratic(0)({ x, us: [4, 14, 16] }, 8)).toBeCloseTo(64, 9)
})

/** The fitted constants that a plan's profile brings with it. */
import { type Constants, loadCalibration, NEUTRAL, type Profile, constantsOf as valuesOf } from '../timing/index.js'

/** Fitted to measured serving; a generic stack keeps the plain sum of operators. */
export const constantsOf = (profile: Profile): Constants => (profile === 'generic' ? NEUTRAL : valuesOf(loadCalibration()))

/** Acceptance of a drafted token where a scenario gives none: the fitted one, whatever the stack. */
export const defaultAcceptance = (): number => loadCalibration().constants.acceptance.value

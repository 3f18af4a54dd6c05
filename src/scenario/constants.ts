/** The fitted constants that a plan's profile brings with it. */
import { type Constants, constantsOf, loadCalibration, NEUTRAL, type Profile } from '../timing/index.js'

/** Fitted to measured serving; a generic stack keeps the plain sum of operators. */
export const profileConstants = (profile: Profile): Constants =>
  profile === 'generic' ? NEUTRAL : constantsOf(loadCalibration())

/** Acceptance of a drafted token where a scenario gives none: the fitted one, whatever the stack. */
export const defaultAcceptance = (): number => loadCalibration().constants.acceptance.value

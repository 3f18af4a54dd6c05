/** The fitted constants that a plan's profile brings with it. */
import { type Constants, NEUTRAL, type Profile } from '../timing/index.js'

export const constantsOf = (_profile: Profile): Constants => NEUTRAL

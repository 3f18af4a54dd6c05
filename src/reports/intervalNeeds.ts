/** How many replicates an interval takes, in words; apart from format.ts, since a single run needs no statistics. */
import { FEWEST_FOR_INTERVAL } from '../experiments/statistics.js'

/** Said where there is no interval. */
export const INTERVAL_NEEDS = `an interval needs ${FEWEST_FOR_INTERVAL} replicates or more`

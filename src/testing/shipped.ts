/** What is checked of what is shipped: every policy of the catalogue as its example, and those of their options that call further hooks. */
import { POLICIES } from '../levers/catalogue.js'
import type { LeverName } from '../levers/lever.js'

export interface Shipped {
  readonly lever: LeverName
  /** Name with arguments. */
  readonly policy: string
  readonly oracle: boolean
}

/** Examples are for traffic of minutes: with these, sequences move, roles change and short contexts are spread in a handful of requests, too. */
const OPTIONS: readonly Shipped[] = [
  { lever: 'rank', policy: 'round-robin(migrate=0.01,steps=1)', oracle: false },
  { lever: 'rank', policy: 'least-cost(5000,migrate=0.1,steps=1)', oracle: false },
  { lever: 'span', policy: 'by-shape(theta=0.25,min=8)', oracle: false },
  { lever: 'pool', policy: 'adaptive-roles(dwell=0,memory=0.001,hysteresis=0)', oracle: false },
]

export const SHIPPED: readonly Shipped[] = [
  ...POLICIES.map(({ lever, name, oracle }) => ({ lever, policy: name, oracle: oracle === true })),
  ...OPTIONS,
]

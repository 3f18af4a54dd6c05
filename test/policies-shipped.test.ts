import { shippedPass } from './shippedPolicies.js'

shippedPass(['chunk', 'rank'])

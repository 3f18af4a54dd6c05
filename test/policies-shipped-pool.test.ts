import { shippedPass } from './shippedPolicies.js'

shippedPass(['pool', 'span'])

import { shippedPass } from './shippedPolicies.js'

shippedPass(['split'])

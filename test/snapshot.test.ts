/** Snapshots that are not whole: each is refused, and none is taken over in part. */
import { decode, encode } from '@msgpack/msgpack'
import { expect, test } from 'vitest'
import { type ClusterConfig, PLAIN_CLUSTER } from '../src/simulator/config.js'
import { createSimulation } from '../src/simulator/index.js'
import { plainArm } from '../src/testing/policies.js'
import { engineOf, evenSteps } from './byHand.js'
import { tinyWorkload } from './tinyCluster.js'

const LIMITS = { maxNumSeqs: 8, maxNumBatchedTokens: 64, maxModelLen: 1024, numGpuBlocks: 128 }
const cluster: ClusterConfig = { ...PLAIN_CLUSTER, engines: [engineOf(evenSteps(100), LIMITS)] }

const begun = () => {
  const simulation = createSimulation(cluster, plainArm(64), { load: { kind: 'open' } })
  simulation.feed(tinyWorkload(20, { isl: 100, osl: 20 }))
  simulation.feed(null)
  return simulation
}
const simulation = begun()
simulation.advance(Number.POSITIVE_INFINITY, 50)
const bytes = simulation.snapshot()

type Part = Record<string, unknown>
const changed = (change: (image: Part) => void): Uint8Array => {
  const image = decode(bytes.slice()) as Part
  change(image)
  return encode(image)
}
const having = (key: string, value: unknown) => changed((image) => Object.assign(image, { [key]: value }))
const inside = (key: string, more: Part) => changed((image) => Object.assign(image[key] as Part, more))
const NO_CACHE = { cache: {}, runs: {}, nodes: {}, host: {}, hostNodes: {} }
const SECTIONS = ['version', 'state', 'slots', 'lanes', 'releases', 'prefix', 'records', 'phaseNs', 'recordCount', 'policies']

test.each<[string, Uint8Array]>([
  ['empty', new Uint8Array(0)],
  ['cut off', bytes.subarray(0, bytes.length >> 1)],
  ['junk', Uint8Array.of(0xc1, 7, 7)],
  ['a number', encode(5)],
  ['a list', encode([])],
  ['null', encode(null)],
  ...[...SECTIONS, 'sessions'].map((key): [string, Uint8Array] => [`without ${key}`, changed((image) => delete image[key])]),
  ...[...SECTIONS, 'sessions'].map((key): [string, Uint8Array] => [`with a text as ${key}`, having(key, 'none')]),
  ['with an empty section', having('slots', {})],
  ['with caches that the cluster does not have', having('prefix', NO_CACHE)],
  ['with policies that are numbers', having('policies', [1, 2, 3, 4, 5])],
  ['with sessions of nothing', having('sessions', {})],
  ['with a column that is a text', inside('state', { clockNs: 'x' })],
  ['with a column that is cut off', inside('state', { clockNs: new Uint8Array(3) })],
  ['with a column that is empty', inside('state', { clockNs: new Uint8Array(0) })],
  ['with a column too many', inside('slots', { mine: new Uint8Array(8) })],
  ['with events of unequal columns', inside('releases', { time: new Uint8Array(8) })],
])('a snapshot that is %s is refused', (_, image) => {
  expect(() => begun().restore(image)).toThrow(/this is no saved state, or it is damaged\n {2}hint: save it anew/)
})

test('of another version, the version is named', () => {
  expect(() => begun().restore(having('version', 1))).toThrow(/its snapshot has version 1; this version of Shapewise reads \d/)
})

test('the one that these are made of is taken over', () => {
  expect(() => begun().restore(changed(() => {}))).not.toThrow()
})

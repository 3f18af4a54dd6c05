/** Values of `--set` mean what they mean in a file, also those that are read without the YAML library. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { applyOverrides } from '../src/scenario/overrides.js'

const valueFrom = (text: string): unknown => applyOverrides({}, [`key=${text}`]).data['key']

it.each([
  '0',
  '7',
  '007',
  '-7',
  '+7',
  '1e3',
  '0x1f',
  '0o17',
  '123456789012345',
  '1234567890123456789',
  '1.5',
  '.5',
  'true',
  'no',
  'NaN',
])('reads %s as YAML does', (text) => expect(valueFrom(text)).toEqual(parse(text)))

it.each([
  'TP4',
  'gb200',
  'llama-3.1-70b',
  'fixed-budget',
  'a-',
  'x1.y',
  'e5',
  '~',
  'null',
  '[a1, b-2]',
  '{a1: 2}',
  '"a-b"',
  'a1 # note',
])('reads %s as YAML does', (text) => expect(valueFrom(text) ?? null).toEqual(parse(text)))

it('reads any short word as YAML does', () => {
  const word = fc.stringMatching(/^[\w.+-]{1,8}$/)
  fc.assert(
    fc.property(word, (text) => {
      expect(valueFrom(text) ?? null).toEqual(parse(text) ?? null)
    }),
    { numRuns: 2000 },
  )
})

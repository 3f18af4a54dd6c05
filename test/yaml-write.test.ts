/** Our YAML, read by the library that reads scenarios. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { type YamlKeys, yamlText } from '../src/yaml/write.js'

const texts = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string(),
  fc.constantFrom(
    'true',
    'No',
    'y',
    'null',
    '~',
    '',
    '-',
    '- a',
    'a: b',
    'a #b',
    '12',
    '1e3',
    '.inf',
    '0x1F',
    '10p1d',
    'fixed-count(8)',
  ),
  fc.constantFrom(
    '/tmp/a b/c.csv',
    'C:\\a',
    '2023-11-16',
    '{}',
    '[a]',
    '*a',
    '&a',
    '!a',
    '%a',
    'line\nbreak\n',
    '\ttab ',
    '"',
    "'",
  ),
)
const numbers = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
)
const { keys } = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 4 }, texts, numbers, fc.boolean(), fc.constant(null), tie('list'), tie('keys')),
  list: fc.array(tie('value'), { maxLength: 4 }),
  keys: fc.dictionary(texts, tie('value'), { maxKeys: 4, noNullPrototype: true }),
}))

test('reads back as it was, quotes where they are needed', () => {
  fc.assert(
    fc.property(keys, (data) => {
      fc.pre(Object.keys(data as object).length > 0)
      expect(parse(yamlText(data as YamlKeys))).toEqual(data)
    }),
    { numRuns: 2000 },
  )
})

test('looks as a person would write it', () => {
  const data = {
    system: 'gb200',
    engines: [{ name: 'tp4', mtp: { n: 3 } }, { name: '4' }],
    admission: {},
    list: [1, [2, 'on']],
    not: undefined,
  }
  expect(yamlText(data).split('\n')).toEqual([
    'system: gb200',
    'engines:',
    '  - name: tp4',
    '    mtp:',
    '      n: 3',
    '  - name: "4"',
    'admission: {}',
    'list:',
    '  - 1',
    '  - - 2',
    '    - "on"',
    '',
  ])
})

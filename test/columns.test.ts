import { expect, it } from 'vitest'
import { columns } from '../src/reports/columns.js'

it('numbers stand right, words left, and no line ends in blanks', () => {
  const rows = [
    ['name', 'us', ''],
    ['a', '12.5', 'note'],
    ['longer', '3', ''],
  ]
  expect(columns(rows, [1]).split('\n')).toEqual(['name      us', 'a       12.5  note', 'longer     3'])
  expect(columns(rows).split('\n')[2]).toBe('longer  3')
})

/** The process of trial.ts: loads the text on stdin as the file that is named, makes a policy, and ends. What it throws is told by who asked. */
import { readFileSync } from 'node:fs'
import { chanceOf } from '../levers/chance.js'
import type { Chance } from '../levers/lever.js'
import { evaluateHere } from './file.js'
import { withinLimit } from './sandbox.js'

const [path] = process.argv.slice(2)
try {
  const made = evaluateHere({ path, text: readFileSync(0, 'utf8'), hash: '' }, '')
  if (typeof made === 'function') withinLimit(() => (made as (chance: Chance) => unknown)(chanceOf('', 'rank')))
} catch {
  process.exitCode = 1
}

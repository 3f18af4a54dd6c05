/** Options of the scripts that npm starts. */
import { parseArgs } from 'node:util'

/**
 * The options of this process, as `parseArgs` of Node has them. `--help` prints `usage` and ends with code 0; an option that is not among them, or a
 * word that is none, ends with a sentence, `usage` and code 2.
 */
export function optionsOf(usage, options = {}) {
  let values
  try {
    values = parseArgs({ options: { ...options, help: { type: 'boolean', default: false } } }).values
  } catch (error) {
    process.stderr.write(`${error.message.split('. ')[0]}\n\n${usage}\n`)
    process.exit(2)
  }
  if (values.help) {
    process.stdout.write(`${usage}\n`)
    process.exit(0)
  }
  return values
}

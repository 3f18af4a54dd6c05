/** The YAML library, loaded when a text is first read or written: a run straight on a trace needs none. */
import { createRequire } from 'node:module'

type Yaml = typeof import('yaml')

const require = createRequire(import.meta.url)
let library: Yaml | undefined

export function yaml(): Yaml {
  library ??= require('yaml') as Yaml
  return library
}

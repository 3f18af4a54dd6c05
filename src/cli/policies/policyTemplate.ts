/** The work of `policy new`. The templates are data/policies/LEVER.ts. */
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, isAbsolute } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UserError } from '../../errors.js'
import { withoutTypes } from '../../policies/index.js'
import { printResult } from '../output.js'
import { discard } from '../outputFile.js'

export function writeTemplate(lever: string, file: string): void {
  if (!/\.m?[jt]s$/.test(file))
    throw new UserError({
      where: file,
      message: 'a policy is a file that ends in .ts, .mts, .js or .mjs',
      hint: `for example ${lever}.ts`,
    })
  const template = readFileSync(fileURLToPath(new URL(`../../../data/policies/${lever}.ts`, import.meta.url)), 'utf8')
  // where its lever has something to decide
  const [scenario] = /scenarios\/\S+/.exec(template) ?? ['scenarios/demo.yaml']
  const text = template.replaceAll('./FILE', `./${basename(file)}`)
  try {
    // never over what is there
    writeFileSync(file, /\.m?ts$/.test(file) ? text : inJavaScript(text), { flag: 'wx' })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EEXIST')
      throw new UserError({ where: file, message: 'is there already and is not overwritten', hint: 'choose another name' })
    discard(file)
    throw new UserError({ where: file, message: `cannot be written: ${message}`, hint: 'choose another place' })
  }
  const path = isAbsolute(file) || /^\.\.?[/\\]/.test(file) ? file : `./${file}`
  printResult(
    `${file}: a ${lever} policy. Try it: shapewise compare ${scenario} --arm mine=${lever}:${path}\n(levers that --arm does not name are those of static; the notes of compare name the tuned ones)\nand look for a scenario that breaks it: shapewise check ${path}`,
  )
}

/** Without types; the import of types alone goes first, since the comment above it would go with it. */
const inJavaScript = (text: string): string => withoutTypes(text.replace(/^import type .*\n/m, '')).replace(', } from', ' } from')

/** What every table of the terminal is made of: at most 110 columns, no colour unless the caller says it is a terminal. */
import Table from 'cli-table3'
import type { ArmResult, ResultIdentity } from '../experiments/result.js'
import { simulatedWords } from '../scenario/simulated.js'
import { unbroken } from './format.js'

export interface TableOptions {
  /** ANSI colours. Default: false. */
  readonly colour?: boolean
}

/** Widest line of any table, columns. */
export const TABLE_WIDTH = 110
export const LABEL_WIDTH = 25

export function table(head: readonly string[], widths: readonly number[], options: TableOptions): Table.Table {
  return new Table({
    head: [...head],
    colWidths: [...widths],
    wordWrap: true,
    colAligns: head.map((_, index) => (index === 0 ? 'left' : 'right')),
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
    style: { head: options.colour ? ['bold'] : [], border: options.colour ? ['gray'] : [] },
  })
}

export function wrap(text: string, indent = ''): string {
  const lines: string[] = []
  let line = indent
  for (const word of unbroken(text).split(/[ \n\t]+/)) {
    if (line.length + word.length + 1 > TABLE_WIDTH && line.trim() !== '') {
      lines.push(line)
      line = `${indent}  `
    }
    line += line.trim() === '' ? word : ` ${word}`
  }
  return [...lines, line].join('\n').replaceAll('\u00a0', ' ')
}

/** What was simulated, and on the next line how well its step times are known and what it can be told apart by. */
export const identity = (meta: ResultIdentity): string =>
  [simulatedWords(meta), identityWords(meta)].map((line) => wrap(line)).join('\n')

export const identityWords = (meta: ResultIdentity): string =>
  `evidence ${meta.evidence} · seed ${meta.seed} · plan ${meta.plan_hash} · trace ${meta.trace_hash} · shapewise ${meta.version}`

/** Tuned arms as `run` takes them, each in a line of its own so that it can be copied; no block without any. */
export function againBlock(arms: readonly ArmResult[]): string[] {
  const lines = arms.flatMap(({ tuning }) => (tuning?.again === undefined ? [] : [`  ${tuning.again}`]))
  return lines.length === 0 ? [] : [['tuned arms again, for `run` and other comparisons on these engines:', ...lines].join('\n')]
}

/** How an engine is cut, in short: TP4, TEP8, DEP16. Accepted as `layout` and printed back. */
import type { Parallelism } from '../models/model.js'

/** GPUs of the largest NVLink domain. */
export const MOST_GPUS = 72

export const LAYOUTS = ['TP<n>', 'TEP<n>', 'DEP<n>', 'DTP<n>'] as const

/**
 * The cut that `text` stands for, or a sentence saying why there is none. For a model with experts TP<n> is read as TEP<n>: attention
 * under TP, experts whole on their GPU; DTP<n> is attention DP with every expert cut n ways.
 */
export function parseLayout(text: string, experts: boolean): Parallelism | string {
  if (/^\d+p\d+d$/i.test(text)) return `'${text}' stands for two kinds of engine and is no cut of one`
  if (/^mtp\d+$/i.test(text)) return `'${text}' is no cut of an engine: write mtp: ${text.slice(3)}`
  const match = /^(TP|TEP|DEP|DTP)([1-9]\d*)$/i.exec(text)
  if (!match) return `'${text}' is not a layout`
  const kind = match[1].toUpperCase()
  const n = Number(match[2])
  if (n > MOST_GPUS) return `${n} GPUs are more than one NVLink domain of ${MOST_GPUS}`
  if (!experts && kind !== 'TP') return `${kind}${n} needs a model with experts`
  const one = { tp: 1, pp: 1, dp: 1, cp: 1, moeTp: 1, moeEp: 1 }
  if (!experts) return { ...one, tp: n }
  if (kind === 'DEP') return { ...one, dp: n, moeEp: n }
  if (kind === 'DTP') return { ...one, dp: n, moeTp: n }
  return { ...one, tp: n, moeEp: n }
}

/** The shortest name of a cut: a layout where there is one, else its degrees, as in TP2DP8EP16. */
export function layoutName(cut: Parallelism, experts: boolean): string {
  const { tp, pp, dp, cp, moeTp, moeEp } = cut
  if (pp === 1 && cp === 1) {
    if (dp === 1 && (!experts || tp === 1)) return `TP${tp}`
    if (dp === 1 && moeEp === tp) return `TEP${tp}`
    if (tp === 1 && moeEp === dp) return `DEP${dp}`
    if (tp === 1 && moeTp === dp) return `DTP${dp}`
  }
  const degrees: [string, number][] = [
    ['TP', tp],
    ['DP', dp],
    ['CP', cp],
    ['PP', pp],
    ['MOETP', moeTp],
    ['EP', moeEp],
  ]
  return degrees.map(([word, degree]) => (degree > 1 ? `${word}${degree}` : '')).join('')
}

/** GPUs of one engine. */
export const gpusOf = (cut: Parallelism): number => cut.tp * cut.dp * cut.cp * cut.pp

/** One colour and one dash pattern per arm, kept through every chart. Hues: Okabe and Ito's set, made for colour-blind readers. */
const FIXED: Readonly<Record<string, string>> = {
  static: '#E69F00',
  'tuned-static': '#0072B2',
  'tuned-size': '#CC79A7',
  'shape-aware': '#009E73',
}
const OTHERS = ['#D55E00', '#56B4E9', '#8C6BB1', '#7A7A7A', '#A6761D']
const DASHES: readonly (readonly number[])[] = [[], [6, 3], [2, 3], [10, 4], [8, 3, 2, 3], [4, 2]]

export interface ArmStyle {
  readonly name: string
  /** #RRGGBB */
  readonly colour: string
  /** Lengths of strokes and gaps in px; empty = solid. */
  readonly dash: readonly number[]
}

export function armStyles(names: readonly string[]): readonly ArmStyle[] {
  let next = 0
  return names.map((name, index) => ({
    name,
    colour: Object.hasOwn(FIXED, name) ? FIXED[name] : OTHERS[next++ % OTHERS.length],
    dash: name === 'shape-aware' ? [] : DASHES[(index + 1) % DASHES.length],
  }))
}

const channels = (hex: string): number[] => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16))

/** Linear mix of two #RRGGBB colours, `share` in [0, 1] of the second. */
export function mix(from: string, to: string, share: number): string {
  const a = channels(from)
  const b = channels(to)
  return `#${a
    .map((value, i) =>
      Math.round(value + (b[i] - value) * Math.min(1, Math.max(0, share)))
        .toString(16)
        .padStart(2, '0'),
    )
    .join('')}`
}

/** Sequential scale for a share in [0, 1]: pale to deep blue, monotone in lightness, so it prints in grey. */
export const shareColour = (share: number): string =>
  share < 0.5 ? mix('#e4eef7', '#6ea6d0', share * 2) : mix('#6ea6d0', '#08306b', share * 2 - 1)

/** Diverging scale for a gain: `position` in [-1, 1], orange for a loss, white for none, blue for a gain. */
export const gainColour = (position: number): string =>
  position < 0 ? mix('#f7f7f7', '#c55a11', -position) : mix('#f7f7f7', '#1f63a8', position)

const DARK = '#111111'
const LIGHT = '#ffffff'

/** Relative luminance in [0, 1], as WCAG 2 defines it. */
function luminance(hex: string): number {
  const [red, green, blue] = channels(hex).map((value) =>
    value <= 10 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4,
  )
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/** Black or white, whichever has more contrast to `background`. */
export function inkOn(background: string): string {
  const contrast = (ink: string): number => {
    const [low, high] = [luminance(ink), luminance(background)].sort((a, b) => a - b)
    return (high + 0.05) / (low + 0.05)
  }
  return contrast(DARK) >= contrast(LIGHT) ? DARK : LIGHT
}

/** Words of the options by which a trace is read, for whoever takes them from a user. */
export const TIME_UNITS = ['s', 'ms', 'us', 'ns'] as const
export const ORDER_RULES = ['sort', 'fail'] as const
export const DUPLICATE_RULES = ['keep', 'drop', 'fail'] as const
export const OVER_LIMIT_RULES = ['drop', 'clip', 'fail'] as const

/** Whether a window keeps every request. */
export const keepsAll = ({ fromS, toS }: { fromS: number; toS: number }): boolean =>
  fromS === 0 && toS === Number.POSITIVE_INFINITY

/** A span of seconds `START..END`, either of which may be left out; null when the text is none. */
export function parseWindow(text: string): { fromS: number; toS: number } | null {
  const match = /^(\d+\.?\d*|\.\d+)?\.\.(\d+\.?\d*|\.\d+)?$/.exec(text.trim())
  if (match === null) return null
  const [, from = '0', to = 'Infinity'] = match
  return Number(from) < Number(to) ? { fromS: Number(from), toS: Number(to) } : null
}

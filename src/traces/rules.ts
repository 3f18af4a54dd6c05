/** Words of the options by which a trace is read. */
export const ORDER_RULES = ['sort', 'fail'] as const
export const DUPLICATE_RULES = ['keep', 'drop', 'fail'] as const
export const OVER_LIMIT_RULES = ['drop', 'clip', 'fail'] as const

/** Words of reports. */

/** `1 row`, `2 rows`. */
export const plural = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`

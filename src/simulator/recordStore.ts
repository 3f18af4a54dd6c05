/** Append-only columns of finished requests; grow by doubling, emptied by `drain`. */
import type { Records } from '../metrics/records.js'

export function createRecords(capacity: number): Records {
  const doubles = () => new Float64Array(capacity)
  return {
    count: 0,
    request: new Int32Array(capacity),
    arrivalNs: doubles(),
    firstTokenNs: doubles(),
    endNs: doubles(),
    isl: new Int32Array(capacity),
    osl: new Int32Array(capacity),
    fate: new Uint8Array(capacity),
    engine: new Int16Array(capacity),
    rank: new Int16Array(capacity),
    preemptions: new Int32Array(capacity),
    migrations: new Int32Array(capacity),
    cachedTokens: new Int32Array(capacity),
    loadedTokens: new Int32Array(capacity),
    maxGapNs: doubles(),
    phaseNs: [doubles(), doubles(), doubles(), doubles(), doubles(), doubles()],
  }
}

/** The same rows in columns of twice the length. */
export function widerRecords(old: Records): Records {
  const fresh = createRecords(Math.max(64, old.request.length * 2))
  fresh.count = old.count
  for (const key of Object.keys(old) as (keyof Records)[])
    if (key !== 'count' && key !== 'phaseNs') (fresh[key] as Float64Array).set(old[key] as Float64Array)
  old.phaseNs.forEach((column, phase) => {
    fresh.phaseNs[phase].set(column)
  })
  return fresh
}

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
  fresh.request.set(old.request)
  fresh.arrivalNs.set(old.arrivalNs)
  fresh.firstTokenNs.set(old.firstTokenNs)
  fresh.endNs.set(old.endNs)
  fresh.isl.set(old.isl)
  fresh.osl.set(old.osl)
  fresh.fate.set(old.fate)
  fresh.engine.set(old.engine)
  fresh.rank.set(old.rank)
  fresh.preemptions.set(old.preemptions)
  fresh.migrations.set(old.migrations)
  fresh.cachedTokens.set(old.cachedTokens)
  fresh.loadedTokens.set(old.loadedTokens)
  fresh.maxGapNs.set(old.maxGapNs)
  for (let phase = 0; phase < 6; phase++) fresh.phaseNs[phase].set(old.phaseNs[phase])
  return fresh
}

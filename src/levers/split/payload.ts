/**
 * SPLIT_PAYLOAD: the KV of all requests, laid end to end, is cut into contiguous ranges of equal payload, one for each persistent CTA,
 * so that a CTA may serve the end of one request, several whole ones and the beginning of another. Every stretch of a request in a
 * range counts `overheadTiles` more, which stands for what it costs to begin and end one. (FlashMLA's scheduler metadata; Stream-K.)
 */

/** Ranges of one head group. */
export interface PayloadRanges {
  ranges: number
  /** KV tiles of each range, and the stretches of requests in it. */
  tiles: Float64Array
  stretches: Float64Array
  /** Most stretches of one request, and stretches of all requests that have more than one: what the merge must join. */
  largest: number
  split: number
}

export function createPayloadRanges(slots: number): PayloadRanges {
  return { ranges: 0, tiles: new Float64Array(slots), stretches: new Float64Array(slots), largest: 1, split: 0 }
}

/** Cuts `n` requests of `tiles[i]` whole tiles, in this order, into at most `most` ranges. O(n + most). */
export function cutPayload(tiles: ArrayLike<number>, n: number, overheadTiles: number, most: number, out: PayloadRanges): void {
  let total = 0
  for (let i = 0; i < n; i++) total += tiles[i] + overheadTiles
  const payload = Math.ceil(total / most) + overheadTiles
  let range = 0
  let room = payload
  out.tiles[0] = 0
  out.stretches[0] = 0
  out.largest = 1
  out.split = 0
  for (let i = 0; i < n; i++) {
    let left = tiles[i]
    let stretches = 0
    while (left > 0) {
      // the last range takes what is left; a range without room for a tile beyond the overhead is full
      if (room <= overheadTiles && range < most - 1) {
        range++
        room = payload
        out.tiles[range] = 0
        out.stretches[range] = 0
      }
      const taken = range === most - 1 || left <= room - overheadTiles ? left : room - overheadTiles
      out.tiles[range] += taken
      out.stretches[range]++
      room -= taken + overheadTiles
      left -= taken
      stretches++
    }
    if (stretches > out.largest) out.largest = stretches
    if (stretches > 1) out.split += stretches
  }
  out.ranges = range + 1
}

/**
 * Doubly linked lists of requests in flight. List `at` begins with slot `heads[at]` and ends with `tails[at]` (-1: empty); `next` and
 * `previous` hold the neighbours of each slot.
 */
export function append(
  next: Int32Array,
  previous: Int32Array,
  heads: Int32Array,
  tails: Int32Array,
  at: number,
  slot: number,
): void {
  const tail = tails[at]
  next[slot] = -1
  previous[slot] = tail
  if (tail < 0) heads[at] = slot
  else next[tail] = slot
  tails[at] = slot
}

export function prepend(
  next: Int32Array,
  previous: Int32Array,
  heads: Int32Array,
  tails: Int32Array,
  at: number,
  slot: number,
): void {
  const head = heads[at]
  previous[slot] = -1
  next[slot] = head
  if (head < 0) tails[at] = slot
  else previous[head] = slot
  heads[at] = slot
}

export function unlink(
  next: Int32Array,
  previous: Int32Array,
  heads: Int32Array,
  tails: Int32Array,
  at: number,
  slot: number,
): void {
  const before = previous[slot]
  const after = next[slot]
  if (before < 0) heads[at] = after
  else next[before] = after
  if (after < 0) tails[at] = before
  else previous[after] = before
}

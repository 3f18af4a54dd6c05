"""A split-KV decode attention kernel of our own, in Triton: one query token a request, GQA or MLA-like (latent values shared by all heads).

Every CTA walks its items (rules.py) and writes either the output of a request that is not cut, or a partial output with its log-sum-exp;
a second kernel merges the partials of a request.
"""

import torch
import triton
import triton.language as tl


@triton.jit
def attend(
    q, k, v, out, partial, lse,
    cta_first, item_request, item_group, item_begin, item_end, item_slot, kv_first,
    scale,
    QUERY_HEADS: tl.constexpr, KV_HEADS: tl.constexpr, GROUPS_PER_KV: tl.constexpr,
    ROWS: tl.constexpr, PADDED_ROWS: tl.constexpr,
    DIM: tl.constexpr, ROPE: tl.constexpr, SHARED_VALUES: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """q [requests, QUERY_HEADS, DIM + ROPE]; k [tokens, KV_HEADS, DIM + ROPE]; v [tokens, KV_HEADS, DIM], or the first DIM values of k."""
    cta = tl.program_id(0)
    rows = tl.arange(0, PADDED_ROWS)
    dims = tl.arange(0, DIM)
    live = rows < ROWS
    width = DIM + ROPE
    for item in range(tl.load(cta_first + cta), tl.load(cta_first + cta + 1)):
        request = tl.load(item_request + item).to(tl.int64)
        group = tl.load(item_group + item)
        begin = tl.load(item_begin + item)
        end = tl.load(item_end + item)
        slot = tl.load(item_slot + item)
        first = tl.load(kv_first + request)
        kv_head = group // GROUPS_PER_KV
        head = request * QUERY_HEADS + group * ROWS + rows
        queries = tl.load(q + head[:, None] * width + dims[None, :], mask=live[:, None], other=0.0)
        if ROPE > 0:
            ropes = tl.arange(0, ROPE)
            rope_queries = tl.load(q + head[:, None] * width + DIM + ropes[None, :], mask=live[:, None], other=0.0)
        largest = tl.full([PADDED_ROWS], float("-inf"), tl.float32)
        total = tl.zeros([PADDED_ROWS], tl.float32)
        sums = tl.zeros([PADDED_ROWS, DIM], tl.float32)
        for start in range(begin, end, TILE):
            tokens = start + tl.arange(0, TILE)
            inside = tokens < end
            at = ((first + tokens) * KV_HEADS + kv_head)[:, None]
            keys = tl.load(k + at * width + dims[None, :], mask=inside[:, None], other=0.0).to(queries.dtype)
            scores = tl.dot(queries, tl.trans(keys), out_dtype=tl.float32)
            if ROPE > 0:
                rope_keys = tl.load(k + at * width + DIM + ropes[None, :], mask=inside[:, None], other=0.0).to(queries.dtype)
                scores += tl.dot(rope_queries, tl.trans(rope_keys), out_dtype=tl.float32)
            scores = tl.where(inside[None, :], scores * scale, float("-inf"))
            now = tl.maximum(largest, tl.max(scores, 1))
            weights = tl.exp(scores - now[:, None])
            shrink = tl.exp(largest - now)
            total = total * shrink + tl.sum(weights, 1)
            if SHARED_VALUES:
                values = keys
            else:
                values = tl.load(v + at * DIM + dims[None, :], mask=inside[:, None], other=0.0).to(queries.dtype)
            sums = sums * shrink[:, None] + tl.dot(weights.to(queries.dtype), values, out_dtype=tl.float32)
            largest = now
        result = sums / total[:, None]
        if slot < 0:
            tl.store(out + head[:, None] * DIM + dims[None, :], result, mask=live[:, None])
        else:
            place = slot.to(tl.int64) * ROWS + rows
            tl.store(partial + place[:, None] * DIM + dims[None, :], result, mask=live[:, None])
            tl.store(lse + place, largest + tl.log(total), mask=live)


@triton.jit
def merge(
    out, partial, lse, cut_head, cut_first, cut_count,
    ROWS: tl.constexpr, DIM: tl.constexpr,
):  # fmt: skip
    """One program joins the partials of one row of one head group of a request; `cut_first` and `cut_count` are its slots."""
    cut = tl.program_id(0)
    row = tl.program_id(1)
    dims = tl.arange(0, DIM)
    first = tl.load(cut_first + cut).to(tl.int64)
    count = tl.load(cut_count + cut)
    largest = tl.full([], float("-inf"), tl.float32)
    total = tl.zeros([], tl.float32)
    sums = tl.zeros([DIM], tl.float32)
    for piece in range(0, count):
        place = (first + piece) * ROWS + row
        sum_of_piece = tl.load(lse + place)
        now = tl.maximum(largest, sum_of_piece)
        weight = tl.exp(sum_of_piece - now)
        shrink = tl.exp(largest - now)
        total = total * shrink + weight
        sums = sums * shrink + weight * tl.load(partial + place * DIM + dims)
        largest = now
    head = tl.load(cut_head + cut).to(tl.int64) + row
    tl.store(out + head * DIM + dims, sums / total)


class Launch:
    """The work lists of one plan on the device, and the two launches."""

    def __init__(self, ctas, kernel, kv_first, device):
        items = [item for cta in ctas for item in cta]
        pieces = {}
        for index, item in enumerate(items):
            pieces.setdefault((item.request, item.group), []).append(index)
        slots = [-1] * len(items)
        cuts, used = [], 0
        for (request, group), members in sorted(pieces.items()):
            if len(members) == 1:
                continue
            cuts.append((request * kernel.query_heads + group * kernel.rows, used, len(members)))
            for index in members:
                slots[index] = used
                used += 1
        ends = [0]
        for cta in ctas:
            ends.append(ends[-1] + len(cta))
        column = lambda values: torch.tensor(values, dtype=torch.int32, device=device)  # noqa: E731
        self.kernel = kernel
        self.ctas = len(ctas)
        self.cuts = len(cuts)
        self.kv_first = kv_first
        self.lists = [column(ends)] + [column([getattr(i, name) for i in items]) for name in ("request", "group", "begin", "end")]
        self.slots = column(slots)
        self.cut_columns = [column(list(values)) for values in zip(*cuts)] if cuts else []
        self.partial = torch.empty(max(1, used) * kernel.rows * kernel.dim, dtype=torch.float32, device=device)
        self.lse = torch.empty(max(1, used) * kernel.rows, dtype=torch.float32, device=device)

    def run(self, q, k, v, out):
        kernel = self.kernel
        compiled = attend[(self.ctas,)](
            q, k, v, out, self.partial, self.lse, *self.lists, self.slots, self.kv_first, kernel.scale,
            QUERY_HEADS=kernel.query_heads, KV_HEADS=kernel.kv_heads, GROUPS_PER_KV=kernel.groups // kernel.kv_heads,
            ROWS=kernel.rows, PADDED_ROWS=max(16, triton.next_power_of_2(kernel.rows)),
            DIM=kernel.dim, ROPE=kernel.rope, SHARED_VALUES=kernel.kind == "mla", TILE=kernel.tile,
            num_warps=kernel.warps, num_stages=2,
        )  # fmt: skip
        if self.cuts > 0:
            merge[(self.cuts, kernel.rows)](out, self.partial, self.lse, *self.cut_columns, ROWS=kernel.rows, DIM=kernel.dim)
        return compiled

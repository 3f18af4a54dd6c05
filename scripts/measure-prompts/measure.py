"""Times one attention call over the prompts of a step: alone, after prefixes, several of one length and several of unequal lengths.

    python3 measure.py --out prompts.csv        (a CUDA GPU and PyTorch 2.11; two and a half minutes on an H200)

Every row is one call of PyTorch's FlashAttention-2 (variable lengths, causal, bf16), which never cuts the keys of a prompt. A chunk is written `tokens` or
`tokens+prefix`; chunks are separated by `;`. Rows of the family `prefix` are another call: the tokens attend to their prefix alone, cut in so many slices
that are sequences of their own, as a kernel that cuts keys would; merging them is not in it.
"""

import argparse
import csv
import datetime
import itertools
import math
import random
import statistics
import sys
import time
from dataclasses import dataclass

import torch

COLUMNS = "gpu date query_heads kv_heads head_dim family slices chunks time_us".split()
#: Outputs further than this from float64, in units of the largest output, stop the run.
MOST_ERROR = 0.02
#: Calls of a graph, and its replays, of which the median counts.
CALLS, REPLAYS = 8, 5


@dataclass(frozen=True)
class Shape:
    query_heads: int
    kv_heads: int
    head_dim: int
    #: Most tokens of a call that rows of one length may have, and those that the drawn rows have.
    equal_tokens: int
    drawn_tokens: int


#: Llama-3.1-70B on 4 GPUs, gpt-oss-120b on one, and a rank of DeepSeek-R1 with attention DP (values as wide as keys, which FlashAttention-2 asks for).
SHAPES = (Shape(16, 2, 128, 32768, 16384), Shape(64, 8, 64, 32768, 16384), Shape(128, 128, 192, 16384, 8192))
#: Prompts of one length: two an octave, and single ones as long as the longest drawn chunk with its prefix; the drawn lengths are any.
LENGTHS = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192)
LONGEST = (12288, 16384, 24576)
COUNTS = (1, 2, 4, 8, 16, 32, 64)
#: Chunks after prefixes, which are timed at every pair, and the slices that keys are cut in.
CHUNKS, PREFIXES = (32, 128, 256, 512, 1024, 2048, 8192), (512, 2048, 8192, 16384)
SLICES = (1, 2, 4, 8, 16)
DRAWN = 240


def starts(lengths):
    return torch.tensor([0, *itertools.accumulate(lengths)], dtype=torch.int32, device="cuda")


def call_of(shape, tensors, chunks, causal=True):
    """The call over (tokens, prefix) of every chunk; queries of a chunk are the last of its keys when `causal`."""
    lengths = [tokens for tokens, _ in chunks]
    keys = [tokens + prefix if causal else prefix for tokens, prefix in chunks]
    q, k, v = (
        tensor[: count * heads * shape.head_dim].view(count, heads, shape.head_dim)
        for tensor, count, heads in zip(tensors, (sum(lengths), sum(keys), sum(keys)), (shape.query_heads, shape.kv_heads, shape.kv_heads))
    )
    arguments = (q, k, v, starts(lengths), starts(keys), max(lengths), max(keys), 0.0, causal, False)
    return lambda: torch.ops.aten._flash_attention_forward(*arguments, scale=shape.head_dim**-0.5)[0], (q, k, v)


def check(shape, tensors):
    """A small call with prefixes, compared with float64."""
    chunks = [(40, 0), (7, 90), (1, 5), (130, 33)]
    call, (q, k, v) = call_of(shape, tensors, chunks)
    out, at, key_at, worst = call(), 0, 0, 0.0
    group = shape.query_heads // shape.kv_heads
    for tokens, prefix in chunks:
        queries = q[at : at + tokens].double()
        keys, values = (x[key_at : key_at + prefix + tokens].double().repeat_interleave(group, 1) for x in (k, v))
        scores = torch.einsum("qhd,khd->hqk", queries, keys) * shape.head_dim**-0.5
        hidden = torch.ones(tokens, prefix + tokens, device="cuda", dtype=torch.bool).triu(prefix + 1)
        expected = torch.einsum("hqk,khd->qhd", torch.softmax(scores.masked_fill(hidden, -math.inf), -1), values)
        worst = max(worst, ((out[at : at + tokens].double() - expected).abs().max() / expected.abs().max()).item())
        at, key_at = at + tokens, key_at + prefix + tokens
    if not worst <= MOST_ERROR:
        sys.exit(f"{shape}: off by {worst} from float64")
    return worst


def time_us(call):
    """Median over replays of a graph of calls, each reading what the one before did."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        call()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(CALLS):
            call()
    graph.replay()
    times = []
    for _ in range(REPLAYS):
        before, after = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        before.record()
        graph.replay()
        after.record()
        after.synchronize()
        times.append(1000 * before.elapsed_time(after) / CALLS)
    return statistics.median(times)


def drawn(rng, shape, kind, after_prefixes):
    """Chunks of a step: sizes of all kinds, a long one that fills a budget beside short ones, or lengths of chat; some or all after prefixes."""
    between = lambda low, high: round(2 ** rng.uniform(math.log2(low), math.log2(high)))  # noqa: E731
    while True:
        if kind == 0:
            lengths = [between(16, 4096) for _ in range(between(2, 64))]
        elif kind == 1:
            budget = rng.choice((2048, 8192))
            lengths = [between(16, 512) for _ in range(between(1, 32))]
            lengths.append(max(16, budget - sum(lengths)))
        else:
            lengths = [min(8192, max(16, round(600 * math.exp(rng.gauss(0, 1))))) for _ in range(between(2, 32))]
        prefixes = [0] * len(lengths)
        if after_prefixes:
            every = rng.choice((1, 1 / 4, 1 / len(lengths)))
            prefixes = [between(128, 16000) if rng.random() < every else 0 for _ in lengths]
        rng.shuffle(lengths)
        is_wanted = any(prefixes) == after_prefixes
        if is_wanted and sum(lengths) <= shape.drawn_tokens and sum(lengths) + sum(prefixes) <= 4 * shape.drawn_tokens:
            return list(zip(lengths, prefixes))


def rows_of(shape, rng):
    """(family, slices, chunks) of every call. The first are timed again at the end: what a time is worth."""
    for count, length in itertools.product(COUNTS, LENGTHS):
        if count * length <= shape.equal_tokens:
            yield "equal", 1, [(length, 0)] * count
    for length in LONGEST:
        yield "equal", 1, [(length, 0)]
    for tokens, prefix in itertools.product(CHUNKS, PREFIXES):
        yield "alone", 1, [(tokens, prefix)]
        for slices in SLICES:
            if tokens * slices <= shape.equal_tokens:
                yield "prefix", slices, [(tokens, prefix // slices)] * slices
    for i in range(DRAWN):
        yield "drawn", 1, drawn(rng, shape, i % 3, i % 2 == 1)
    for count, length in itertools.product(COUNTS[:3], LENGTHS):
        yield "again", 1, [(length, 0)] * count


def text_of(chunks):
    return ";".join(f"{tokens}+{prefix}" if prefix else str(tokens) for tokens, prefix in chunks)


def measure(options):
    gpu = torch.cuda.get_device_name(0)
    with open(options.out, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for shape in SHAPES:
            began = time.monotonic()
            queries = (max(shape.equal_tokens, shape.drawn_tokens) + max(CHUNKS) + max(PREFIXES)) * shape.query_heads * shape.head_dim
            keys = 4 * max(shape.equal_tokens, shape.drawn_tokens) * shape.kv_heads * shape.head_dim
            torch.manual_seed(1)
            tensors = [torch.randn(size, device="cuda", dtype=torch.bfloat16) for size in (queries, keys, keys)]
            error = check(shape, tensors)
            heads = (shape.query_heads, shape.kv_heads, shape.head_dim)
            calls = list(rows_of(shape, random.Random(str(heads))))
            time_us(call_of(shape, tensors, calls[-1][2])[0])
            for family, slices, chunks in calls:
                taken_us = time_us(call_of(shape, tensors, chunks, causal=family != "prefix")[0])
                writer.writerow([gpu, datetime.date.today().isoformat(), *heads, family, slices, text_of(chunks), f"{taken_us:.2f}"])
            file.flush()
            print(f"{shape}: {len(calls)} calls, off by at most {error:.4f} from float64, {time.monotonic() - began:.0f} s", file=sys.stderr)
            del tensors


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default="prompts.csv")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("no CUDA GPU")
    measure(options)


if __name__ == "__main__":
    main()

"""Times the split-KV kernel of kernels.py under several rules and batches, after checking every output against float64.

    python3 measure.py --kernel mla --kv bf16 --out mla.csv        (a CUDA GPU, PyTorch and Triton)
    TRITON_INTERPRET=1 python3 measure.py --check                  (no GPU: outputs only, tiny batches)

The columns are those that `shapewise validate levers --measured FILE` reads.
"""

import argparse
import csv
import datetime
import json
import statistics
import sys
from dataclasses import dataclass

import torch
from batches import batches
from kernels import Launch
from rules import Shape, plan, target_rule

COLUMNS = (
    "gpu date kernel slots query_heads kv_heads head_dim rope_dim kv tile_tokens batch family lengths rule order pieces time_us max_error"
).split()
#: Outputs further than this from float64, in units of the largest output, stop the run. Weights are rounded to bf16: about 0.01.
MOST_ERROR = 0.03


@dataclass(frozen=True)
class Kernel:
    kind: str
    query_heads: int
    kv_heads: int
    dim: int
    rope: int
    #: Query heads of one head group, and the groups of a request.
    rows: int
    groups: int
    tile: int
    warps: int

    @property
    def scale(self):
        return (self.dim + self.rope) ** -0.5


def kernel_of(kind, query_heads, kv_heads):
    if kind == "mla":
        rows = min(query_heads, 64)
        return Kernel("mla", query_heads, 1, 512, 64, rows, query_heads // rows, 32 if rows > 16 else 64, 8)
    return Kernel("gqa", query_heads, kv_heads, 128, 0, query_heads // kv_heads, kv_heads, 64, 4)


def tensors(kernel, lengths, kv, device, seed=1):
    """q, k, v and the first token of each request. FP8 caches hold what was rounded; queries and arithmetic are bf16.

    Triton's interpreter takes bf16 for whole numbers in products, so without a GPU fp16 stands for it.
    """
    half = torch.bfloat16 if device == "cuda" else torch.float16
    generator = torch.Generator(device=device).manual_seed(seed)
    draw = lambda *size: torch.randn(size, generator=generator, device=device, dtype=half)  # noqa: E731
    tokens = sum(lengths)
    cache = torch.float8_e4m3fn if kv == "fp8" else half
    q = draw(len(lengths), kernel.query_heads, kernel.dim + kernel.rope)
    k = draw(tokens, kernel.kv_heads, kernel.dim + kernel.rope).to(cache)
    v = k if kernel.kind == "mla" else draw(tokens, kernel.kv_heads, kernel.dim).to(cache)
    first = [0]
    for length in lengths:
        first.append(first[-1] + length)
    return q, k, v, torch.tensor(first[:-1], dtype=torch.int64, device=device)


def reference(kernel, lengths, q, k, v):
    """The outputs in float64, request by request."""
    outputs = []
    begin = 0
    heads_per_kv = kernel.query_heads // kernel.kv_heads
    for request, length in enumerate(lengths):
        keys = k[begin : begin + length].double()
        values = keys[..., : kernel.dim] if kernel.kind == "mla" else v[begin : begin + length].double()
        queries = q[request].double().reshape(kernel.kv_heads, heads_per_kv, -1)
        weights = torch.softmax(torch.einsum("ghd,tgd->ght", queries, keys) * kernel.scale, -1)
        outputs.append(torch.einsum("ght,tgd->ghd", weights, values).reshape(kernel.query_heads, kernel.dim))
        begin += length
    return torch.stack(outputs)


def error_of(out, expected):
    return ((out.double() - expected).abs().max() / expected.abs().max()).item()


def rules_of(lengths, shape):
    """(rule, order) of every launch of a batch."""
    found = [("occupancy-rule", "arrival"), ("payload(320)", "arrival")]
    found += [(f"fixed-count({count})", "arrival") for count in (1, 4, 16)]
    found += [("fixed-count(1)", "longest-first")]
    found += [(target_rule(lengths, shape, target), "longest-first") for target in (0.5, 1.0, 2.0)]
    return list(dict.fromkeys(found))


def resident_ctas(compiled, warps):
    """CTAs that one SM holds at a time, by shared memory, registers and threads."""
    properties = torch.cuda.get_device_properties(0)
    shared = getattr(properties, "shared_memory_per_multiprocessor", 228 * 1024)
    by_shared = shared // max(1, compiled.metadata.shared + 1024)
    by_registers = 65536 // max(1, compiled.n_regs * 32 * warps)
    return max(1, min(by_shared, by_registers, 2048 // (32 * warps)))


def time_us(launch, arguments, repeats=30, repeats_of_long=10, long_us=2000):
    """Median of graph replays, the L2 cache overwritten before each. The work lists are built before: planning is not timed."""
    flush = torch.empty(2**28, dtype=torch.uint8, device="cuda")
    launch.run(*arguments)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        launch.run(*arguments)
    times = []
    for _ in range(repeats):
        flush.zero_()
        before, after = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        before.record()
        graph.replay()
        after.record()
        torch.cuda.synchronize()
        times.append(1000 * before.elapsed_time(after))
        if len(times) >= repeats_of_long and times[0] > long_us:
            break
    return statistics.median(times)


def checked(kernel, lengths, ctas, arrays, expected, device):
    """A launch whose output agrees with float64, its arguments and the error. Stops at a wrong one."""
    q, k, v, first = arrays
    launch = Launch(ctas, kernel, first, device)
    out = torch.full((len(lengths), kernel.query_heads, kernel.dim), float("nan"), dtype=torch.float32, device=device)
    compiled = launch.run(q, k, v, out)
    error = error_of(out, expected)
    if not error <= MOST_ERROR:
        sys.exit(f"{kernel.kind}: off by {error} from float64 with {len(ctas)} CTAs for lengths {lengths[:8]}...")
    return launch, (q, k, v, out), error, compiled


def check():
    """Every rule on small batches, compared with float64; runs in Triton's interpreter too."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    small = [[1], [64], [65, 1, 300], [200] * 5, [700, 30, 30, 30], [129, 128, 127, 1]]
    kernels = [kernel_of("gqa", 8, 2), kernel_of("mla", 16, 1), kernel_of("mla", 128, 1)]
    for kernel, kv in [(kernel, kv) for kernel in kernels for kv in ("bf16", "fp8")]:
        shape = Shape(12, kernel.groups, kernel.tile)
        worst = 0.0
        for lengths in small if kernel.query_heads < 128 else small[:3]:
            arrays = tensors(kernel, lengths, kv, device)
            expected = reference(kernel, lengths, *arrays[:3])
            for rule, order in rules_of(lengths, shape):
                ctas = plan(rule, lengths, shape, order == "longest-first")
                worst = max(worst, checked(kernel, lengths, ctas, arrays, expected, device)[2])
        print(f"{kernel.kind}, {kernel.query_heads} heads, {kv}: off by at most {worst:.4f} of the largest output")


def own_rounds(options, token_bytes):
    """(family, name, lengths, launches of a shape) of every batch of batches.py; a launch is (rule, order, None)."""
    for family, name, lengths in batches(options.sizes, int(options.memory_gb * 1e9 / token_bytes)):
        yield family, name, lengths, lambda shape, lengths=lengths: [(*rule, None) for rule in rules_of(lengths, shape)]


def planned_rounds(planned):
    """The same of a file that plan.mjs wrote. Plans for other slots or tiles would be of another machine."""
    for batch in planned["batches"]:
        launches = [(one["rule"], one["order"], one.get("pieces")) for one in batch["launches"]]

        def of_shape(shape, launches=launches):
            if (shape.slots, shape.tile) != (planned["slots"], planned["tile_tokens"]):
                sys.exit(f"planned for {planned['slots']} slots and tiles of {planned['tile_tokens']}; here are {shape.slots} and {shape.tile}")
            return launches

        yield batch["family"], batch["batch"], batch["lengths"], of_shape


def measure(options):
    planned = options.planned
    kernel = kernel_of(options.kernel, options.query_heads, options.kv_heads)
    gpu = torch.cuda.get_device_name(0)
    sms = torch.cuda.get_device_properties(0).multi_processor_count
    value_bytes = 1 if options.kv == "fp8" else 2
    token_bytes = kernel.kv_heads * (kernel.dim + kernel.rope + (0 if kernel.kind == "mla" else kernel.dim)) * value_bytes
    with open(options.out, "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        slots = None
        rounds = planned_rounds(planned) if planned else own_rounds(options, token_bytes)
        for family, name, lengths, launches_of in rounds:
            arrays = tensors(kernel, lengths, options.kv, "cuda")
            expected = reference(kernel, lengths, *arrays[:3])
            if slots is None:
                probe = plan("fixed-count(1)", lengths, Shape(sms, kernel.groups, kernel.tile))
                compiled = checked(kernel, lengths, probe, arrays, expected, "cuda")[3]
                slots = sms * resident_ctas(compiled, kernel.warps)
            shape = Shape(slots, kernel.groups, kernel.tile)
            timed = {}
            for rule, order, pieces in launches_of(shape):
                ctas = plan(rule, lengths, shape, order == "longest-first", pieces)
                # two rules that cut a batch alike are one launch
                cut = tuple((i.request, i.group, i.begin) for items in ctas for i in items), tuple(map(len, ctas))
                if cut not in timed:
                    launch, arguments, error, _ = checked(kernel, lengths, ctas, arrays, expected, "cuda")
                    timed[cut] = time_us(launch, arguments), error
                taken_us, error = timed[cut]
                writer.writerow({
                    "gpu": gpu, "date": datetime.date.today().isoformat(), "kernel": kernel.kind, "slots": slots,
                    "query_heads": kernel.query_heads, "kv_heads": kernel.kv_heads, "head_dim": kernel.dim, "rope_dim": kernel.rope,
                    "kv": options.kv, "tile_tokens": kernel.tile, "batch": name, "family": family,
                    "lengths": ";".join(map(str, lengths)), "rule": rule, "order": order,
                    "pieces": ";".join(map(str, pieces or [])), "time_us": f"{taken_us:.2f}", "max_error": f"{error:.5f}",
                })  # fmt: skip
            file.flush()
            print(name, file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare small outputs with float64 and end")
    parser.add_argument("--kernel", choices=["gqa", "mla"], default="mla")
    parser.add_argument("--kv", choices=["bf16", "fp8"], default="bf16")
    parser.add_argument("--query-heads", type=int, default=16)
    parser.add_argument("--kv-heads", type=int, default=2, help="of GQA; MLA has one latent")
    parser.add_argument("--sizes", type=lambda text: [int(n) for n in text.split(",")], default=[1, 4, 8, 16, 32, 64, 96, 128, 200])
    parser.add_argument("--launches", help="JSON of plan.mjs: its batches, rules and kernel in the place of the own ones")
    parser.add_argument("--memory-gb", type=float, default=24, help="largest KV cache of a batch")
    parser.add_argument("--out", default="rows.csv")
    options = parser.parse_args()
    options.planned = None
    if options.launches:
        of_the_file = {"--kernel", "--kv", "--query-heads", "--kv-heads", "--sizes", "--memory-gb"}
        given = sorted(of_the_file & {word.split("=")[0] for word in sys.argv[1:]})
        if given:
            parser.error(f"{', '.join(given)}: no effect with --launches, whose file says it")
        try:
            with open(options.launches) as file:
                options.planned = json.load(file)
            for name in ("kernel", "kv", "query_heads", "kv_heads"):
                setattr(options, name, options.planned[name])
        except (OSError, ValueError, KeyError) as error:
            parser.error(f"--launches {options.launches}: {error!r}; write it with plan.mjs")
    if options.check:
        check()
    elif not torch.cuda.is_available():
        sys.exit("no CUDA GPU; --check with TRITON_INTERPRET=1 runs without one")
    else:
        measure(options)


if __name__ == "__main__":
    main()

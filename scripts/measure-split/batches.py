"""Batches of KV lengths, in arrival order. Seeded: the same lists on every machine."""

import random

#: FlashInfer PR 3379: what an engineer called close to production, tokens and weights.
PRODUCTION = ([4096, 8192, 16384, 32768, 65536, 131072], [35, 20, 15, 12, 10, 8])
#: FlashInfer issue 4832: the lengths of one rank.
LISTED = [
    8193, 57345, 73729, 81921, 98305, 106497, 114689, 131073,
    139265, 147457, 163841, 180225, 196609, 212993, 229377, 237569,
]  # fmt: skip


def batches(sizes, most_tokens, seed=1):
    """(family, name, lengths) of every batch with at most `most_tokens` tokens in all."""
    found = []
    for n in sizes:
        rng = random.Random(f"{seed}/{n}")
        found += [("equal", f"equal-{length}-{n}", [length] * n) for length in (1024, 8192, 65536)]
        for draw in range(2):
            lengths, weights = PRODUCTION
            found.append(("ragged", f"production-{n}-{draw}", rng.choices(lengths, weights, k=n)))
            found.append(("ragged", f"lognormal-{n}-{draw}", [max(1, int(rng.lognormvariate(8.3, 1.3))) for _ in range(n)]))
            found.append(("ragged", f"uniform-{n}-{draw}", [rng.randint(256, 32768) for _ in range(n)]))
        found.append(("adversarial", f"one-long-{n}", [512] * (n - 1) + [131072]))
        found.append(("adversarial", f"long-first-{n}", [131072] + [512] * (n - 1)))
        found.append(("adversarial", f"two-kinds-{n}", [65536 if i % 8 == 0 else 1024 for i in range(n)]))
        found.append(("adversarial", f"listed-{n}", [LISTED[i % len(LISTED)] for i in range(n)]))
    return [batch for batch in found if sum(batch[2]) <= most_tokens]

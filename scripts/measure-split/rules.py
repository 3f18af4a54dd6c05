"""How a batch is cut into the work of CTAs. The same rules as src/levers/split, so that the model can be scored on what was launched.

A plan is a list of CTAs in launch order; a CTA has one or more items (request, group, begin, end): KV tokens [begin, end) of one head
group of one request. Without a GPU, `python3 rules.py < batches.json` prints the tiles of every CTA of every batch and rule.
"""

import json
import re
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """What one launch works on: CTA slots of the GPU, head groups of a request, tokens of a KV tile."""

    slots: int
    groups: int
    tile: int


@dataclass(frozen=True)
class Item:
    request: int
    group: int
    begin: int
    end: int


def tiles_of(length, shape):
    return max(1, -(-length // shape.tile))


def occupancy_count(lengths, shape):
    """One count for all: fill the slots once, never below two tiles a piece."""
    by_length = -(-max(lengths) // (2 * shape.tile))
    by_slots = shape.slots // (len(lengths) * shape.groups)
    return max(1, min(by_length, by_slots))


def _even(lengths, shape, pieces_of):
    return _even_counts(lengths, shape, [pieces_of(tiles_of(length, shape)) for length in lengths])


def _even_counts(lengths, shape, counts):
    """Whole tiles spread evenly over the pieces of a request; the first ones have one tile more."""
    ctas = []
    for request, (length, count) in enumerate(zip(lengths, counts)):
        tiles = tiles_of(length, shape)
        pieces = min(tiles, max(1, count))
        short, longer = divmod(tiles, pieces)
        for group in range(shape.groups):
            begin = 0
            for piece in range(pieces):
                end = begin + (short + (1 if piece < longer else 0)) * shape.tile
                ctas.append([Item(request, group, begin, min(end, length))])
                begin = end
    return ctas


def _payload(lengths, shape, overhead):
    """Contiguous ranges of equal work, one for each persistent CTA; a stretch of a request weighs `overhead` tiles more."""
    tiles = [tiles_of(length, shape) for length in lengths]
    most = max(1, shape.slots // shape.groups)
    payload = -(-sum(t + overhead for t in tiles) // most) + overhead
    ranges, room = [[]], payload
    for request, count in enumerate(tiles):
        done = 0
        while done < count:
            if room <= overhead and len(ranges) < most:
                ranges.append([])
                room = payload
            last = len(ranges) == most
            taken = count - done if last else min(count - done, room - overhead)
            ranges[-1].append((request, done, done + taken))
            room -= taken + overhead
            done += taken
    return [
        [Item(r, group, a * shape.tile, min(b * shape.tile, lengths[r])) for r, a, b in stretches]
        for stretches in ranges
        for group in range(shape.groups)
    ]


def plan(rule, lengths, shape, longest_first=False, pieces=None):
    """CTAs of `rule` in launch order. `lengths` in arrival order, tokens; `pieces` of each, if a planner has said them."""
    if pieces is not None:
        return _ordered(_even_counts(lengths, shape, pieces), shape, longest_first)
    name, argument = re.fullmatch(r"([a-z-]+)(?:\((\d+)\))?", rule).groups()
    value = int(argument) if argument else 0
    if name == "fixed-count":
        ctas = _even(lengths, shape, lambda _tiles: value)
    elif name == "occupancy-rule":
        count = occupancy_count(lengths, shape)
        ctas = _even(lengths, shape, lambda _tiles: count)
    elif name == "fixed-size":
        per_piece = max(1, -(-value // shape.tile))
        ctas = _even(lengths, shape, lambda tiles: -(-tiles // per_piece))
    elif name == "payload":
        # halves round up, as in the TypeScript
        ctas = _payload(lengths, shape, max(1, int(value / shape.tile + 0.5)))
    else:
        raise ValueError(f"no rule {rule}")
    return _ordered(ctas, shape, longest_first)


def _ordered(ctas, shape, longest_first):
    if longest_first:
        ctas.sort(key=lambda items: -sum(tiles_of(i.end - i.begin, shape) for i in items))
    return ctas


def target_rule(lengths, shape, target):
    """Pieces of `target` times the average work of a slot: the length-aware rules of planners."""
    average = shape.groups * sum(lengths) / shape.slots
    tokens = max(1, -(-int(target * average) // shape.tile)) * shape.tile
    return f"fixed-size({tokens})"


def main():
    cases = json.load(sys.stdin)
    out = []
    for case in cases:
        shape = Shape(case["slots"], case["groups"], case["tile"])
        ctas = plan(case["rule"], case["lengths"], shape, case.get("longest_first", False), case.get("pieces"))
        out.append([[[i.request, i.group, i.begin, i.end] for i in items] for items in ctas])
    json.dump(out, sys.stdout)


if __name__ == "__main__":
    main()

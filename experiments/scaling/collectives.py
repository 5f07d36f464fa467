"""What the devices of a mesh send each other, counted in the text of a compiled program."""

import math
import re
from typing import NamedTuple

KINDS = (
    "all-reduce|all-gather|all-to-all|collective-permute|collective-broadcast|reduce-scatter|"
    "send|recv"
)
OPERATION = re.compile(rf" ({KINDS})(?:-start)?\(")
ARRAY = re.compile(r"\b(?:pred|[a-z]+(\d+))\[([\d,]*)\]")  # bits of an element, and the shape


class Collective(NamedTuple):
    """An operation in which devices exchange something.

    Attributes:
      kind: XLA's name.
      n_bytes: of its results on one device, several arrays counted together.
    """

    kind: str
    n_bytes: int


class Collectives(NamedTuple):
    """Those of a program: `inside` its loops, each counted once, and `outside` of them."""

    inside: list[Collective]
    outside: list[Collective]


def find(text: str) -> Collectives:
    """Finds the collective operations of a program.

    Args:
      text: of the optimised HLO module, `compiled.as_text()`. All computations but the entry
        belong to loops in what `training.loop` compiles.
    """
    found, entry = Collectives([], []), False
    for line in text.splitlines():
        if line.endswith("{") and not line.startswith(" "):
            entry = line.startswith("ENTRY")
        operation = OPERATION.search(line)
        if operation:
            one = Collective(operation[1], n_bytes(line[: operation.start()]))
            (found.outside if entry else found.inside).append(one)
    return found


def n_bytes(text: str) -> int:
    """Returns the bytes of all arrays whose types stand in a text, `f32[784,500]` and the like."""
    return sum(
        math.prod(map(int, filter(None, shape.split(",")))) * int(bits or 8) // 8
        for bits, shape in ARRAY.findall(text)
    )

"""What a compiled program does in its main loop, read from the text of its optimised HLO.

An instruction of the loop stands for one launch on a device: a fusion is one kernel. Inner loops
count as often as they turn, calls are what they call. A call of a command buffer is one launch of a
captured graph. XLA may also capture graphs after this text was made, of which only a profile tells
(`accelerator.profile`).
"""

import re
from collections import Counter
from typing import NamedTuple, TypeAlias

from experiments.scaling import collectives

FUSION, PRODUCT, COPY = "fusions", "matrix products", "copies"
GENERATOR, COLLECTIVE, OTHER = "random-bit generators", "collectives", "other instructions"
WORK = (FUSION, PRODUCT, COPY, GENERATOR, COLLECTIVE, OTHER)
GRAPH, CAPTURED, LAUNCHES = "captured graphs", "instructions inside them", "launches"

ENTRY = "ENTRY"
COMPUTATION = re.compile(rf"({ENTRY} )?%?([\w.\-]+) .*\{{$")
INSTRUCTION = re.compile(r"\s+(?:ROOT )?%?[\w.\-]+ = (?:\(.*?\)|\S+) ([a-z][\w\-]*)\((.*)")
CALLED = re.compile(r"\b(?:calls|to_apply|body)=%?([\w.\-]+)")
TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"')
TARGET = re.compile(r'custom_call_target="([^"]*)"')
MULTIPLIES = re.compile(r"gemm|matmul|dot", re.IGNORECASE)
DRAWS = re.compile(r"rng|threefry|philox", re.IGNORECASE)
LAUNCHES_NOTHING = re.compile(
    r"parameter|constant|tuple|get-tuple-element|bitcast|after-all|opt-barrier|partition-id|"
    r"replica-id|[\w\-]+-done|[\w\-]+-update"
)


class Instruction(NamedTuple):
    """A line of a computation.

    Attributes:
      name: of the operation.
      rest: its operands and attributes.
    """

    name: str
    rest: str

    @property
    def called(self) -> str:
        """The computation that it runs."""
        found = CALLED.search(self.rest)
        return found[1] if found else ""

    @property
    def trips(self) -> int:
        """Turns of a loop, 1 where XLA does not know them."""
        found = TRIPS.search(self.rest)
        return int(found[1]) if found else 1


Computations: TypeAlias = dict[str, list[Instruction]]


def an_update(text: str, n_updates: int) -> dict[str, float]:
    """Returns what an update does by kind, and the launches that it takes.

    Args:
      text: of a program, `compiled.as_text()`.
      n_updates: made by its main loop, the one that does most.
    """
    program = parse(text)
    loops = (count_loop(program, loop) for loop in outer_loops(program, ENTRY))
    counts = max(loops, key=n_instructions)
    counts[LAUNCHES] = n_instructions(counts) - counts[CAPTURED] + counts[GRAPH]
    return {kind: counts[kind] / n_updates for kind in (*WORK, GRAPH, CAPTURED, LAUNCHES)}


def parse(text: str) -> Computations:
    """Reads the computations by name; the first is called `ENTRY`."""
    found: Computations = {}
    lines: list[Instruction] = []
    for line in text.splitlines():
        if opened := COMPUTATION.match(line):
            lines = found[ENTRY if opened[1] else opened[2]] = []
        elif instruction := INSTRUCTION.match(line):
            lines.append(Instruction(instruction[1], instruction[2]))
    return found


def n_instructions(counts: Counter[str]) -> int:
    """Returns how many instructions do something."""
    return sum(counts[kind] for kind in WORK)


def outer_loops(program: Computations, name: str) -> list[Instruction]:
    """Returns the loops of a computation that lie in no other loop."""
    loops = []
    for one in program[name]:
        if one.name == "while":
            loops.append(one)
        elif one.name == "call":
            loops += outer_loops(program, one.called)
    return loops


def count_loop(program: Computations, loop: Instruction) -> Counter[str]:
    """Counts the instructions of a loop in all its turns, by kind."""
    body = count(program, loop.called)
    return Counter({kind: loop.trips * n for kind, n in body.items()})


def count(program: Computations, name: str) -> Counter[str]:
    """Counts the instructions of a computation by kind."""
    counts: Counter[str] = Counter()
    for one in program[name]:
        if one.name == "while":
            counts += count_loop(program, one)
        elif one.name in ("call", "async-start"):
            inside = count(program, one.called)
            if "command_buffer" in one.called:
                inside += Counter({CAPTURED: n_instructions(inside), GRAPH: 1})
            counts += inside
        elif not LAUNCHES_NOTHING.fullmatch(one.name):
            counts[kind_of(program, one)] += 1
    return counts


def kind_of(program: Computations, one: Instruction) -> str:
    """Returns what an instruction is; a fusion with a product in it is one."""
    if one.name == "fusion":
        inside = (kind_of(program, part) for part in program[one.called])
        return PRODUCT if PRODUCT in inside else FUSION
    if one.name in ("dot", "convolution"):
        return PRODUCT
    if one.name in ("copy", "copy-start"):
        return COPY
    if one.name.startswith("rng"):
        return GENERATOR
    if re.fullmatch(collectives.KINDS, one.name.removesuffix("-start")):
        return COLLECTIVE
    target = TARGET.search(one.rest)
    if target and MULTIPLIES.search(target[1]):
        return PRODUCT
    return GENERATOR if target and DRAWS.search(target[1]) else OTHER

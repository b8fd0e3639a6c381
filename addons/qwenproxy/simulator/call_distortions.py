"""Oddities of tool calls in a stream, for every face that sends them in OpenAI's pieces (B.7, 1 to 5).

A piece is one entry of `tool_calls`; each face says where in its chunks they are.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from functools import partial

from qwenproxy.simulator.face import Chunks, Distort
from qwenproxy.wire.openai import Json

type Pieces = list[Json]
type Find = Callable[[Chunks], Iterable[Json]]
"""Finds the pieces in a stream, in order: the chunks' own dicts, to be changed in place."""


def is_first(piece: Json) -> bool:
    """Whether a call begins with *piece*: the service gives its id there only."""
    return bool(piece["id"])


def empty_ids(pieces: Pieces) -> None:
    for piece in pieces:
        if not is_first(piece):
            piece["function"]["name"] = ""


def repeated_names(pieces: Pieces) -> None:
    first: dict[int, Json] = {}
    for piece in pieces:
        start = first.setdefault(piece["index"], piece)
        piece["id"] = start["id"]
        piece["function"]["name"] = start["function"]["name"]


def no_index(pieces: Pieces) -> None:
    for piece in pieces:
        del piece["index"]


def reused_index(pieces: Pieces) -> None:
    for piece in pieces:
        piece["index"] = 0


def zero_index(pieces: Pieces) -> None:
    repeated_names(pieces)
    reused_index(pieces)


def no_ids(pieces: Pieces) -> None:
    for piece in pieces:
        del piece["id"]


def late_name(pieces: Pieces) -> None:
    names = {piece["index"]: piece["function"].pop("name") for piece in pieces if is_first(piece)}
    last = {piece["index"]: piece for piece in pieces}
    for index, piece in last.items():
        piece["function"]["name"] = names[index]


def cumulative_arguments(pieces: Pieces) -> None:
    told: defaultdict[int, str] = defaultdict(str)
    for piece in pieces:
        told[piece["index"]] += piece["function"]["arguments"] or ""
        piece["function"]["arguments"] = told[piece["index"]]


CHANGES: Mapping[str, Callable[[Pieces], None]] = {
    "empty-ids": empty_ids,
    "repeated-names": repeated_names,
    "no-index": no_index,
    "zero-index": zero_index,
    "reused-index": reused_index,
    "no-ids": no_ids,
    "late-name": late_name,
    "cumulative-arguments": cumulative_arguments,
}


def distortions(find: Find) -> Mapping[str, Distort]:
    """The scenarios of this module, for the face whose pieces *find* finds."""
    changes: dict[str, Distort] = {name: partial(_changed, find, change) for name, change in CHANGES.items()}
    return changes | {"clean-calls": partial(_clean, find), "split-name": partial(_split, find)}


def _changed(find: Find, change: Callable[[Pieces], None], chunks: Chunks, argument: str) -> Chunks:
    change(list(find(chunks)))
    return chunks


def _clean(find: Find, chunks: Chunks, argument: str) -> Chunks:
    """As OpenAI itself would send them."""
    chunks = [chunk for chunk in chunks if all(piece["function"]["arguments"] is not None for piece in find([chunk]))]
    for piece in find(chunks):
        if not is_first(piece):
            del piece["id"], piece["type"]
            piece["function"].pop("name", None)
    return chunks


def _split(find: Find, chunks: Chunks, argument: str) -> Chunks:
    """Each name in two pieces."""
    told: Chunks = []
    for chunk in chunks:
        told.append(chunk)
        if any(is_first(piece) for piece in find([chunk])):
            told.append(_rest_of_name(find, chunk))
    return told


def _rest_of_name(find: Find, chunk: Json) -> Json:
    """Leaves the first half of each name in *chunk*; gives back a chunk with the second."""
    rest = deepcopy(chunk)
    for piece, later in zip(find([chunk]), find([rest]), strict=True):
        name = piece["function"]["name"]
        piece["function"]["name"] = name[: len(name) // 2]
        later |= {"id": "", "function": {"name": name[len(name) // 2 :], "arguments": ""}}
    return rest

"""A reply cut into what the native face tells at a time, with what it has cost by then (qwen-wire C.4, C.5)."""

from collections.abc import Iterator
from itertools import chain, zip_longest
from typing import NamedTuple

from qwenproxy.simulator.reply import Choice, Prompt, Reply
from qwenproxy.simulator.tokens import count, pieces, steps
from qwenproxy.wire.openai import Json

UNFINISHED = "null"
"""The finish of all but a choice's last part: the string."""


class Part(NamedTuple):
    """Something of one choice: tokens of text, pieces of calls."""

    thinking: str = ""
    text: tuple[str, ...] = ()
    calls: tuple[Json, ...] = ()
    finish: str = UNFINISHED


class Spent(NamedTuple):
    """Tokens."""

    thought: int = 0
    answered: int = 0


def whole_of(choice: Choice) -> Part:
    """All of a choice."""
    calls = (
        _piece(at, call.id, {"name": call.name, "arguments": call.arguments}) for at, call in enumerate(choice.calls)
    )
    return Part(choice.thinking, tuple(pieces(choice.text)), tuple(calls), choice.finish)


def spent_on(*choices: Choice) -> Spent:
    """What choices cost in the end."""
    return Spent(sum(choice.thinking_tokens for choice in choices), sum(choice.answer_tokens for choice in choices))


def told(reply: Reply) -> Iterator[tuple[int, Part, Spent]]:
    """The parts of all choices by turns: a choice's index, its part, and what that choice has cost so far.

    In a stream of several choices each frame has one of them, and the cost of that one alone (dashscope-sdk-python,
    utils/message_utils.py adds them up).
    """
    turns = zip_longest(*(_running(at, choice) for at, choice in enumerate(reply.choices)))
    return (part for part in chain.from_iterable(turns) if part is not None)


def _running(index: int, choice: Choice) -> Iterator[tuple[int, Part, Spent]]:
    spent = Spent()
    for part, cost in _parts(choice):
        spent = Spent(spent.thought + cost.thought, spent.answered + cost.answered)
        yield index, part, spent
    yield index, Part(finish=choice.finish), spent_on(choice)


def _parts(choice: Choice) -> Iterator[tuple[Part, Spent]]:
    for some in steps(choice.thinking):
        yield Part(thinking="".join(some)), Spent(thought=len(some))
    for some in steps(choice.text):
        yield Part(text=tuple(some)), Spent(answered=len(some))
    for at, call in enumerate(choice.calls):
        opening = _piece(at, call.id, {"name": call.name, "arguments": ""})
        yield Part(calls=(opening,)), Spent(answered=count(call.name))
        for some in steps(call.arguments):
            yield Part(calls=(_piece(at, "", {"arguments": "".join(some)}),)), Spent(answered=len(some))


def _piece(index: int, id: str, function: Json) -> Json:
    return {"index": index, "id": id, "type": "function", "function": function}


def usage_of(prompt: Prompt, spent: Spent, *, multimodal: bool) -> Json:
    """What a request has cost; multimodal generation tells text and images apart."""
    given, made = prompt.text + prompt.images, spent.thought + spent.answered
    usage: Json = {"input_tokens": given, "output_tokens": made, "total_tokens": given + made}
    usage["output_tokens_details"] = {"reasoning_tokens": spent.thought, "text_tokens": spent.answered}
    usage["prompt_tokens_details"] = {"cached_tokens": 0}
    if multimodal:
        usage["input_tokens_details"] = {"text_tokens": prompt.text}
    if multimodal and prompt.images:
        usage["image_tokens"] = usage["input_tokens_details"]["image_tokens"] = prompt.images
    return usage

"""JSON for people."""

from typing import Any

import orjson
import pytest

from qwenproxy.flows.views import pretty

IMAGE = "data:image/png;base64," + "A" * 1000


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"a":{"b":1}}', '{\n  "a": {\n    "b": 1\n  }\n}'),
        (b"<html>", "<html>"),
        (b"\xff", "\ufffd"),
        (b"", ""),
    ],
    ids=["JSON", "a page", "no text", "nothing"],
)
def test_a_body_is_indented_if_it_is_json(body: bytes, shown: str) -> None:
    assert pretty.indented(body) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (IMAGE, f"{IMAGE[:60]}... (1022 characters)"),
        ("word " * 1000, "word " * 1000),
        ([0.5] * 1536, [*[0.5] * 16, "... (1536 numbers)"]),
        ([1] * 16, [1] * 16),
        (["a"] * 20, ["a"] * 20),
        ({"a": [{"b": IMAGE}]}, {"a": [{"b": f"{IMAGE[:60]}... (1022 characters)"}]}),
        (None, None),
    ],
    ids=["an image", "prose", "a vector", "a few numbers", "words", "within", "null"],
)
def test_what_nobody_reads_is_shortened(value: Any, shown: Any) -> None:
    assert pretty.shortened(value) == shown


def test_prose_is_wrapped() -> None:
    lines = pretty.wrapped("word " * 40)
    assert max(map(len, lines)) <= pretty.WIDTH
    assert "".join(lines) == "word " * 40
    assert pretty.wrapped("") == [""]


BEFORE = {"model": "gpt-4o", "logit_bias": {"1": 1}, "messages": [1, 2], "n": 1, "long": "x " * 100}


@pytest.mark.parametrize(
    ("after", "lines"),
    [
        (BEFORE, []),
        ({**BEFORE, "model": "qwen3.7-plus"}, ['~ model: "gpt-4o" -> "qwen3.7-plus"']),
        ({name: value for name, value in BEFORE.items() if name != "logit_bias"}, ['- logit_bias: {"1": 1}']),
        ({**BEFORE, "stream": True}, ["+ stream: true"]),
        ({**BEFORE, "messages": [1, 3, 4]}, ["~ messages: 2 -> 3 items, 1 of them the same"]),
        ({**BEFORE, "long": "y"}, [f'~ long: "{"x " * 49}x... -> "y"']),
        ({"input": {"messages": [1, 2]}, "parameters": {**BEFORE}}, []),
    ],
    ids=["nothing", "another value", "dropped", "added", "items", "long", "native"],
)
def test_what_became_of_a_request_is_told_by_field(after: Any, lines: list[str]) -> None:
    assert pretty.differences(orjson.dumps(BEFORE), orjson.dumps(after)) == lines


@pytest.mark.parametrize("body", [b"{", b"[]", b""])
def test_what_is_no_object_is_not_compared(body: bytes) -> None:
    assert pretty.differences(b'{"a":1}', body) == pretty.differences(body, b'{"a":1}') == []

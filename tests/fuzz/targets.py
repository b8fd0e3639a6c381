"""What is fuzzed: each target takes any bytes, and fails if something is broken by them.

`./scripts/fuzz` looks for such bytes, led by what they reach; `test_targets.py` tries those that once were found.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import NamedTuple

import orjson

from qwenproxy import plans, sse
from qwenproxy.dialects.rulings import rule
from qwenproxy.endpoints.chat import ChatCall
from qwenproxy.endpoints.completions import CompletionCall
from qwenproxy.endpoints.embeddings import EmbeddingCall
from qwenproxy.endpoints.responses.call import ResponsesCall, validate
from qwenproxy.errors import ProxyError
from qwenproxy.lines import DIALECTS
from qwenproxy.models import row_of
from qwenproxy.wire.openai import Head, Json
from tests.dialects import contents_reading, dashscope_reading, fuzzing, reading
from tests.dialects.fuzzing import Play

GOLDEN = Path(__file__).parents[1] / "golden"
HEAD = Head("id-1", "gpt-4o", 1_790_000_000)
MODELS = ("qwen3.7-plus", "qwen3-coder-plus", "qwen-vl-max", "qwq-plus", "deepseek-v3.2", "anything")
THINK = ("start", "off", "inside")
TYPES = ("text/event-stream", "application/json", "text/html", "")


class Target(NamedTuple):
    """*seeds*: inputs to begin with."""

    tries: Callable[[bytes], None]
    seeds: Callable[[], Iterator[bytes]]


def codec(data: bytes) -> None:
    """The same payloads whole and cut; the first byte tells where.  A payload written and read is itself."""
    place, data = data[:1], data[1:]
    whole = _payloads([data])
    at = place[0] * len(data) // 256 if place else 0
    assert _payloads([data[:at], data[at:]]) == whole
    assert _payloads([data[at : at + 1] for at in range(len(data))]) == whole
    single = [payload for payload in whole or () if b"\n" not in payload and b"\r" not in payload]
    assert _payloads([b"".join(map(sse.encode, single))]) == single


def _payloads(pieces: Sequence[bytes]) -> list[bytes]:
    decoder = sse.Decoder()
    return [payload for piece in [*filter(None, pieces), b""] for payload in decoder.feed(piece)]


def reads(play: Play) -> Callable[[bytes], None]:
    """A reader: its events are well formed, and the same however the bytes are cut.  The first three bytes choose."""

    def tries(data: bytes) -> None:
        choice, data = data[:3].ljust(3, b"\0"), data[3:]
        options = {
            "think": THINK[choice[0] % len(THINK)],
            "rescue_calls": bool(choice[0] & 64),
            "content_type": TYPES[choice[1] % len(TYPES)],
        }
        fuzzing.check(play, data, [1 + choice[2] * len(data) // 256], options)

    return tries


def chat(data: bytes) -> None:
    """A chat request: refused in words, or one that every dialect can say."""
    try:
        call = ChatCall(data[1:])
    except ProxyError as e:
        _told(e)
        return
    writer = call.writer(HEAD)
    assert writer.write([]) == b""
    _said(call.chat, data[:1])


def responses(data: bytes) -> None:
    """The same of a request of the Responses API."""
    try:
        call = ResponsesCall(validate(data[1:]))
    except ProxyError as e:
        _told(e)
        return
    _said(call.chat, data[:1])


def completions(data: bytes) -> None:
    try:
        call = CompletionCall(data[1:])
    except ProxyError as e:
        _told(e)
        return
    for prompt in call.prompts[:3]:
        _said(prompt.chat, data[:1])


def embeddings(data: bytes) -> None:
    try:
        EmbeddingCall(data[1:])
    except ProxyError as e:
        _told(e)


def _told(error: ProxyError) -> None:
    """A refusal can be written, and says something."""
    orjson.dumps(error.body())
    assert error.message
    assert 400 <= error.failure.status < 600


def _said(asked: Json, choice: bytes) -> None:
    """What the rulings make of a request is JSON in every dialect; the request itself is untouched."""
    before = orjson.dumps(asked)
    row = row_of(MODELS[choice[0] % len(MODELS)] if choice else MODELS[0])
    for dialect in DIALECTS.values():
        speaks = dialect(plans.GATEWAY)
        try:
            ruled = rule(asked | {"model": "m"}, row, refuse=bool(choice and choice[0] & 64), unsaid=speaks.unsaid)
            request = speaks.request(ruled.chat, row, stream=bool(choice and choice[0] & 32))
        except ProxyError as e:
            _told(e)
            continue
        orjson.loads(request.body)
    assert orjson.dumps(asked) == before


def _answers(folder: str) -> Callable[[], Iterator[bytes]]:
    return lambda: (b"\0\0\x80" + path.read_bytes() for path in sorted((GOLDEN / folder).glob("*/qwen.sse")))


def _events() -> Iterator[bytes]:
    yield from (b"\x80" + path.read_bytes()[:2000] for path in sorted((GOLDEN / "stream").glob("*/qwen.sse")))
    yield b"\x80id:1\r\nevent:error\r\n:HTTP_STATUS/429\r\ndata:{}\r\rdata\n\n: hi\n\nretry: 3\n\ndata:a\ndata: b\n\n"


def _bodies(*bodies: Json) -> Callable[[], Iterator[bytes]]:
    return lambda: (b"%c" % number + orjson.dumps(body) for number, body in zip(count(), bodies, strict=False))


TOOL = {"type": "function", "function": {"name": "now", "description": "d", "parameters": {"type": "object"}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "now", "arguments": '{"a": 1}'}}
SCHEMA = {"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"type": ["string", "null"]}}}
FORMAT = {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA, "strict": True}}
PARTS = [
    {"type": "text", "text": "a"},
    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
    {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
    {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "a.pdf"}},
]
MESSAGES = [
    {"role": "developer", "content": "a"},
    {"role": "user", "content": PARTS, "name": "b"},
    {"role": "assistant", "content": None, "tool_calls": [CALL], "refusal": None, "reasoning_content": "c"},
    {"role": "tool", "tool_call_id": "call_1", "content": "d"},
    {"role": "user", "content": "e"},
]
FIELDS = {
    "temperature": 1,
    "top_p": 1,
    "n": 2,
    "stop": ["a"],
    "max_completion_tokens": 9,
    "seed": 1,
    "logprobs": True,
    "top_logprobs": 3,
    "reasoning_effort": "low",
    "response_format": FORMAT,
    "stream": True,
    "user": "u",
    "tool_choice": {"type": "function", "function": {"name": "now"}},
    "parallel_tool_calls": False,
    "enable_thinking": True,
    "thinking_budget": 5,
    "chat_template_kwargs": {},
    "extra": {"a": [None, 1.5]},
}
ITEMS = [
    {
        "role": "user",
        "content": [{"type": "input_text", "text": "a"}, {"type": "input_image", "image_url": "http://a/b"}],
    },
    {"type": "function_call", "call_id": "c", "name": "now", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c", "output": "d"},
    {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "e"}]},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "f", "annotations": []}]},
]
ASKED = {
    "instructions": "i",
    "tools": [{"type": "function", "name": "now", "parameters": SCHEMA, "strict": True}],
    "text": {"format": {"type": "json_schema", "name": "a", "schema": SCHEMA}},
    "reasoning": {"effort": "low"},
    "tool_choice": "auto",
    "max_output_tokens": 20,
    "stream": True,
    "store": False,
    "metadata": {"a": "b"},
}

TARGETS: Mapping[str, Target] = {
    "sse": Target(codec, _events),
    "compatible": Target(reads(reading.play), _answers("stream")),
    "dashscope": Target(reads(dashscope_reading.play), _answers("dashscope")),
    "contents": Target(reads(contents_reading.play), _answers("contents")),
    "chat": Target(
        chat,
        _bodies(
            {"model": "gpt-4o", "messages": [{"role": "user", "content": "a"}]},
            {"model": "gpt-4o", "messages": MESSAGES, "tools": [TOOL], **FIELDS},
        ),
    ),
    "responses": Target(
        responses,
        _bodies({"model": "gpt-4o", "input": "a"}, {"model": "gpt-4o", "input": ITEMS, **ASKED}),
    ),
    "completions": Target(
        completions,
        _bodies({"model": "a", "prompt": ["a", "b"], "echo": True, "logprobs": 2, "best_of": 1, "suffix": "c", "n": 1}),
    ),
    "embeddings": Target(
        embeddings,
        _bodies({"model": "a", "input": ["a", "b"], "encoding_format": "base64", "dimensions": 64, "user": "u"}),
    ),
}

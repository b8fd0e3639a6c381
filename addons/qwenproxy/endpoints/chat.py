"""POST /v1/chat/completions: what the app asked, and its answer, whole or streamed."""

from collections.abc import Sequence

import orjson

from qwenproxy import sse
from qwenproxy.endpoints.calls import Form, Shaper
from qwenproxy.endpoints.collector import collect
from qwenproxy.endpoints.tools import custom_names, to_core
from qwenproxy.endpoints.validation import validate
from qwenproxy.errors import UPSTREAM_GARBLED, ProxyError
from qwenproxy.wire.openai import ChatEvent, Delta, Head, Json, Usage

CALLS = ("tool_calls", "function_call")

GARBLED = ProxyError(UPSTREAM_GARBLED, "The upstream's answer cannot be written as JSON.")


class ChatCall:
    """One request.  *reasoning*: the app gets `reasoning_content`, an extra field of its messages and deltas.

    Raises ProxyError for a body that is no chat completion request.
    """

    dropped: Sequence[str] = ()

    sums_up = False

    def __init__(self, body: bytes, *, reasoning: bool = True) -> None:
        asked = validate(body)
        self.model: str = asked["model"]
        self.stream = bool(asked.get("stream"))
        self.include_usage = bool((asked.get("stream_options") or {}).get("include_usage"))
        self.chat = to_core(asked)
        self._choices: int = asked.get("n") or 1
        single = asked.get("parallel_tool_calls") is False
        self._form = Form(custom_names(asked), bool(asked.get("functions")), single, reasoning)

    def writer(self, head: Head) -> "ChatWriter":
        return ChatWriter(head, self._form, usage=self.include_usage, choices=self._choices)

    def whole(self, head: Head, events: Sequence[ChatEvent]) -> Json:
        """The `chat.completion` that *events* add up to; without `usage` if the upstream told none."""
        answer = collect(Shaper(self._form).shape_all(events))
        for choice in answer["choices"]:
            choice["message"].setdefault("annotations", [])
        return fixed(head, "chat.completion") | answer


class ChatWriter:
    """Writes the chunks of one answer.

    *usage*: the app wants the totals in a chunk of their own.  *choices*: how many it asked for.
    """

    def __init__(self, head: Head, form: Form, *, usage: bool, choices: int) -> None:
        self._shaper = Shaper(form)
        self._usage = usage
        self._choices = choices
        self._over = False
        # A chunk is bytes made once for the answer, around the one thing that is new: its delta.
        self._start = b"data: " + orjson.dumps(fixed(head, "chat.completion.chunk"))[:-1] + b',"choices":['
        self._stop = b'}],"usage":null}\n\n' if usage else b"}]}\n\n"
        self._plain = b',"logprobs":null,"finish_reason":null' + self._stop
        self._starts: dict[int, bytes] = {}

    def write(self, events: Sequence[ChatEvent]) -> bytes:
        """Chunks for *events*; after an error nothing more."""
        if self._over:
            return b""
        out: list[bytes] = []
        try:
            for event in events:
                if isinstance(event, Delta):
                    out += [self._chunk(piece) for piece in self._shaper.shape(event)]
                elif isinstance(event, Usage):
                    out.append(self._totals(event))
                else:
                    out.append(self._error(event))
                    break
        except orjson.JSONEncodeError:  # half a surrogate pair, for one
            out.append(self._error(GARBLED))
        return b"".join(out)

    def end(self) -> bytes:
        """`[DONE]`, unless the stream is over already."""
        over, self._over = self._over, True
        return b"" if over else sse.DONE

    def _chunk(self, piece: Delta) -> bytes:
        choice, delta, reason, logprobs = piece
        first = b""
        if choice not in self._starts or "role" in delta:
            first = self._open(choice, delta)
            delta = {name: value for name, value in delta.items() if name != "role" and value}
        if reason is None and logprobs is None:
            return first + self._starts[choice] + orjson.dumps(delta) + self._plain if delta else first
        told = b',"logprobs":' + orjson.dumps(logprobs) + b',"finish_reason":' + orjson.dumps(reason)
        return first + self._starts[choice] + orjson.dumps(delta) + told + self._stop

    def _open(self, choice: int, delta: Json) -> bytes:
        """The first chunks of *choice* and of those below it: clients' accumulators count choices as they appear."""
        out: list[bytes] = []
        for index in (*range(min(choice, self._choices)), choice):
            if index not in self._starts:
                self._starts[index] = self._start + b'{"index":%d,"delta":' % index
                wordless = index == choice and any(name in delta for name in CALLS)
                role = {"role": "assistant", "content": None if wordless else "", "refusal": None}
                out.append(self._starts[index] + orjson.dumps(role) + self._plain)
        return b"".join(out)

    def _totals(self, event: Usage) -> bytes:
        return self._start + b'],"usage":' + orjson.dumps(event.usage) + b"}\n\n" if self._usage else b""

    def _error(self, error: ProxyError) -> bytes:
        self._over = True
        return error_event(error)


def error_event(error: ProxyError) -> bytes:
    """The event that ends a stream because of *error*."""
    return sse.encode(orjson.dumps(error.body()))


def fixed(head: Head, kind: str) -> Json:
    """What is the same in every chunk of an answer, and in the whole of it."""
    return {
        "id": head.id,
        "object": kind,
        "created": head.created,
        "model": head.model,
        "service_tier": "default",
        "system_fingerprint": None,
    }

"""The native face of one request: a reply whole or in frames (qwen-wire C.4, C.5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import orjson

from qwenproxy.simulator.answers import EVENTS
from qwenproxy.simulator.ask import Ask
from qwenproxy.simulator.dashscope import refusals, request
from qwenproxy.simulator.dashscope.distortions import DISTORTIONS, cumulative_output
from qwenproxy.simulator.dashscope.parts import Part, Spent, spent_on, told, usage_of, whole_of
from qwenproxy.simulator.face import Chunks, Distort
from qwenproxy.simulator.logprobs import logprobs_of
from qwenproxy.simulator.refusals import ALGORITHM, WRONG_SERVICE, Refusal, error_event, invalid
from qwenproxy.simulator.reply import Reply
from qwenproxy.wire.openai import Head, Json

NOT_ASYNCHRONOUS = Refusal(403, "AccessDenied", "AccessDenied", "current user api does not support asynchronous calls.")

WITHOUT = "error-finish event-lines no-space no-done prompt-blocked signatures"


@dataclass(frozen=True)
class Dashscope:
    """The face of one request.

    *multimodal* is its address: multimodal or text generation; *stream* and *asynchronous* are what its headers want.
    """

    name: ClassVar[str] = "dashscope"
    distortions: ClassVar[Mapping[str, Distort]] = DISTORTIONS
    without: ClassVar[frozenset[str]] = frozenset(WITHOUT.split())
    stream_type: ClassVar[str] = EVENTS

    multimodal: bool
    stream: bool = False
    asynchronous: bool = False

    def chat(self, body: Json) -> Json:
        return request.chat_of(body, multimodal=self.multimodal, stream=self.stream)

    def refusal(self, ask: Ask) -> Refusal | None:
        if self.asynchronous:
            return NOT_ASYNCHRONOUS
        if ask.row.multimodal != self.multimodal:
            return invalid(WRONG_SERVICE)
        complaint = request.complaint(ask)
        return None if complaint is None else invalid(ALGORITHM + complaint)

    def whole(self, reply: Reply, ask: Ask, head: Head) -> Json:
        choices = [self._choice(whole_of(choice), reply) for choice in reply.choices]
        if len(choices) > 1:
            choices = [{"index": at, **choice} for at, choice in enumerate(choices)]
        output = self._output(choices, whole_of(reply.choices[0]), ask)
        usage = self._usage(reply, spent_on(*reply.choices))
        return {"request_id": head.id, "output": output | _sources(ask), "usage": usage}

    def chunks(self, reply: Reply, ask: Ask, head: Head) -> Chunks:
        frames: Chunks = [
            {
                "output": self._output([{"index": at} | self._choice(part, reply)], part, ask),
                "usage": self._usage(reply, cost),
                "request_id": head.id,
            }
            for at, part, cost in told(reply)
        ]
        frames[0]["output"] |= _sources(ask)
        return frames if request.is_incremental(ask) else cumulative_output(frames, "")

    def _output(self, choices: list[Json], part: Part, ask: Ask) -> Json:
        if request.speaks_text(ask):
            return {"text": "".join(part.text), "finish_reason": part.finish}
        return {"text": None, "finish_reason": None, "choices": choices} if self.multimodal else {"choices": choices}

    def _choice(self, part: Part, reply: Reply) -> Json:
        message: Json = {"role": "assistant", "content": self._content("".join(part.text))}
        if reply.thinks:
            message["reasoning_content"] = part.thinking
        if part.calls:
            message["tool_calls"] = list(part.calls)
        logprobs = logprobs_of(list(part.text), reply.logprobs)
        extra = {} if logprobs is None else {"logprobs": logprobs}
        return {"message": message, "finish_reason": part.finish, **extra}

    def _content(self, text: str) -> Any:
        if not self.multimodal:
            return text
        return [{"text": text}] if text else []

    def _usage(self, reply: Reply, cost: Spent) -> Json:
        return usage_of(reply.prompt, cost, multimodal=self.multimodal)

    def events(self, chunks: Chunks) -> list[bytes]:
        return [_event(number, chunk) for number, chunk in enumerate(chunks, 1)]

    def error(self, refusal: Refusal, request_id: str) -> Json:
        return refusals.error(refusal, request_id)


def _event(number: int, chunk: Json) -> bytes:
    """A frame; an error's has another kind, and its status."""
    if "code" in chunk:
        data = {name: value for name, value in chunk.items() if name != "status_code"}
        return error_event(number, chunk["status_code"], orjson.dumps(data))
    return b"id:%d\nevent:result\n:HTTP_STATUS/200\ndata:%s\n\n" % (number, orjson.dumps(chunk))


def _sources(ask: Ask) -> Json:
    """What a search found, if the sources are wanted: this face alone tells them."""
    options = ask.chat.get("search_options")
    wanted = ask.chat.get("enable_search") is True and isinstance(options, dict) and options.get("enable_source")
    if not wanted:
        return {}
    found = {"index": 1, "title": "An example", "url": "https://example.com/", "site_name": "example.com", "icon": ""}
    return {"search_info": {"search_results": [found]}}

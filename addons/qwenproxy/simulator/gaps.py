"""The legacy completions of the OpenAI-like face, which fill gaps in texts and do nothing else (qwen-wire D.3)."""

from typing import ClassVar

import orjson

from qwenproxy import sse
from qwenproxy.simulator.ask import Ask
from qwenproxy.simulator.compatible import Compatible, payloads
from qwenproxy.simulator.face import Chunks
from qwenproxy.simulator.refusals import Refusal, Refused, invalid
from qwenproxy.simulator.reply import Reply
from qwenproxy.wire.openai import Head, Json

WORDS = ("<|fim_prefix|>", "<|fim_suffix|>")
"""What a prompt must hold."""


class Gaps(Compatible):
    """The face of one request."""

    name: ClassVar[str] = "compatible"

    def chat(self, body: Json) -> Json:
        prompt = body.get("prompt")
        if not isinstance(prompt, str) or not all(word in prompt for word in WORDS):
            raise Refused(invalid("The prompt must be a string with <|fim_prefix|> and <|fim_suffix|>."))
        if "suffix" in body:
            raise Refused(invalid("Unknown parameter: 'suffix'."))
        return {**body, "messages": [{"role": "user", "content": prompt}]}

    def refusal(self, ask: Ask) -> Refusal | None:
        if ask.row.completions:
            return None
        return invalid(f"Unsupported model `{ask.model}` for OpenAI compatibility mode.")

    def whole(self, reply: Reply, ask: Ask, head: Head) -> Json:
        return former(super().whole(reply, ask, head))

    def events(self, chunks: Chunks) -> list[bytes]:
        return [sse.encode(former_payload(payload)) for payload in payloads(chunks)]


def former_payload(payload: bytes) -> bytes:
    return payload if payload == b"[DONE]" else orjson.dumps(former(orjson.loads(payload)))


def former(answer: Json) -> Json:
    """A chat completion or a chunk of one in the legacy shape; an error as it is."""
    if "choices" not in answer:
        return answer
    choices = [former_choice(choice) for choice in answer["choices"]]
    return {**answer, "object": "text_completion", "choices": choices}


def former_choice(choice: Json) -> Json:
    said = choice.get("message") or choice.get("delta") or {}
    return {
        "text": said.get("content") or "",
        "index": choice["index"],
        "logprobs": None,
        "finish_reason": choice.get("finish_reason"),
    }

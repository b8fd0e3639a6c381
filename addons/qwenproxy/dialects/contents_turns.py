"""Messages as `systemInstruction` and `contents`.

The rulings have repaired the history: every call has its result, right behind it.  Neighbours of one role become one
content, but results of calls stay apart from what the user says: gateways that turn this format back into messages
(LiteLLM, 2026-11) put a content's text in front of its results, and a result must follow its call.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from qwenproxy.dialects import mending
from qwenproxy.dialects.contents_parts import parts, text
from qwenproxy.dialects.signatures import Signatures
from qwenproxy.wire.openai import Json

BLANK: Json = {"text": " "}
"""Stands where the format insists on a user's content and the app has none, at the start and at the end; an empty text
would be refused."""


def turns(messages: Sequence[Json], signatures: Signatures) -> Json:
    """`contents` and, if there is a system message, `systemInstruction`.  Raises ProxyError for media that are none."""
    system = [words for message in messages if message["role"] == "system" for words in _words(message)]
    contents: list[Json] = []
    for content in _contents(messages, signatures):
        if contents and _together(contents[-1], content):
            contents[-1]["parts"] += content["parts"]
        else:
            contents.append(content)
    if not contents or contents[0]["role"] != "user":
        contents.insert(0, {"role": "user", "parts": [dict(BLANK)]})
    if contents[-1]["role"] != "user" and messages[-1].get("partial") is not True:
        contents.append({"role": "user", "parts": [dict(BLANK)]})
    said: Json = {"contents": contents}
    if system:  # one part: some gateways read no more than the first
        said["systemInstruction"] = {"parts": text("\n\n".join(system))}
    return said


def _words(message: Json) -> Iterator[str]:
    return (part["text"] for part in parts(message.get("content")) if "text" in part)


def _contents(messages: Sequence[Json], signatures: Signatures) -> Iterator[Json]:
    """A content for each message that says anything."""
    names: dict[Any, str] = {}
    for message in messages:
        role = message["role"]
        if role == "assistant":
            names |= {call.get("id"): _name(call) for call in message.get("tool_calls") or ()}
            said = _model(message, signatures)
        elif role == "tool":
            said = [_result(message, names)]
        else:
            said = parts(message.get("content")) if role == "user" else []
        if said:
            yield {"role": "model" if role == "assistant" else "user", "parts": said}


def _together(one: Json, other: Json) -> bool:
    return bool(one["role"] == other["role"]) and _answers(one) == _answers(other)


def _answers(content: Json) -> bool:
    """Whether *content* holds results of calls."""
    return "functionResponse" in content["parts"][0]


def _model(message: Json, signatures: Signatures) -> list[Json]:
    thoughts = [{**part, "thought": True} for part in text(message.get("reasoning_content"))]
    calls = [_call(call, signatures) for call in message.get("tool_calls") or ()]
    return [*thoughts, *parts(message.get("content")), *calls]


def _call(call: Json, signatures: Signatures) -> Json:
    id = call.get("id")
    made: Json = {"functionCall": {"id": id, "name": _name(call), "args": _arguments(call)}}
    signature = _own_signature(call) or (signatures.of(id) if isinstance(id, str) else None)
    return {**made, "thoughtSignature": signature} if signature else made


def _own_signature(call: Json) -> str | None:
    """The signature that an app keeps itself, where Google's OpenAI face puts it."""
    extra = call.get("extra_content")
    google = extra.get("google") if isinstance(extra, dict) else None
    signature = google.get("thought_signature") if isinstance(google, dict) else None
    return signature if isinstance(signature, str) else None


def _result(message: Json, names: Mapping[Any, str]) -> Json:
    id = message.get("tool_call_id")
    content = message.get("content")
    said = content if isinstance(content, str) else "".join(_words(message))
    response = _object(said) or {"output": said}
    return {"functionResponse": {"id": id, "name": names.get(id, ""), "response": response}}


def _name(call: Json) -> str:
    function = call.get("function")
    return str(function.get("name", "")) if isinstance(function, dict) else ""


def _arguments(call: Json) -> Json | orjson.Fragment:
    """The arguments as an object, mended if need be; what cannot be mended is none."""
    function = call.get("function")
    given = function.get("arguments") if isinstance(function, dict) else None
    said = given if isinstance(given, str) else ""
    return _object(said) or _object(mending.mended(said) or "") or {}


def _object(said: str) -> orjson.Fragment | None:
    """*said* as it is, if it is a JSON object: read and written anew its numbers might change."""
    return orjson.Fragment(said) if said.lstrip()[:1] == "{" and mending.is_object(said) else None

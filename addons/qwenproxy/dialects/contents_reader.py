"""Reads answers to generateContent, whole or streamed, into chat events.

Field names come in camelCase or, from servers that print their protocol buffers otherwise, in snake_case.  A function
call comes whole, in one part.  Only a `finishReason` ends an answer: a stream that stops without one was cut.  Nothing
that comes from upstream raises.  Source: ai.google.dev/api/generate-content, read 2026-11.
"""

from collections.abc import Callable, Mapping
from typing import Any, Unpack

import orjson

from qwenproxy.dialects import contents_logprobs, contents_usage
from qwenproxy.dialects.contents_frames import Responses
from qwenproxy.dialects.failures import FILTERED
from qwenproxy.dialects.reading import About, Reading
from qwenproxy.dialects.signatures import Signatures
from qwenproxy.errors import CONTENT_FILTER, ProxyError
from qwenproxy.wire.openai import Json

FILTERS = ("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR", "ESCALATION")
IMAGE_FILTERS = ("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "IMAGE_OTHER")
FINISHES: Mapping[str, str] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    **dict.fromkeys((*FILTERS, *IMAGE_FILTERS), "content_filter"),
}
"""Every other reason (a malformed or an unexpected call, OTHER, unspecified) is taken for "stop", with a note."""
UNSPECIFIED = "FINISH_REASON_UNSPECIFIED"
"""The value of a field without one: servers that leave no field out say it until there is a reason."""


class Reader(Reading):
    """One answer."""

    _objects: Responses

    def __init__(self, content_type: str, signatures: Signatures, **about: Unpack[About]) -> None:
        """*signatures* takes what calls are signed with."""
        super().__init__(content_type, **about)
        self._objects = Responses(content_type, self._stencils)
        self._signatures = signatures
        self._calls: dict[int, list[Json]] = {}
        """The calls of each candidate so far."""
        self._vague: dict[int, int] = {}
        """How often each candidate has said that its finish is unspecified."""

    def _over(self) -> None:
        """All is there.  An unspecified finish is one if it was said once, not all the way."""
        for index, times in self._vague.items():
            if times == 1:
                self._normaliser.finish(index, UNSPECIFIED)
        if counts := self._normaliser.totals.get(0):
            self._normaliser.usage(contents_usage.to_openai(counts))
        self._normaliser.end(complete=self._objects.whole)

    def _object(self, response: Json) -> None:
        """One GenerateContentResponse: a piece of the answer, or all of it."""
        candidates = response.get("candidates")
        if (not candidates or "error" in response) and (error := self._refused(response)) is not None:
            self._normaliser.fail(error)
            return
        counts = response.get("usageMetadata") or response.get("usage_metadata")
        if type(counts) is dict:
            self._count(counts)
        if type(candidates) is list:
            for position, candidate in enumerate(candidates):
                if type(candidate) is dict:
                    self._candidate(candidate, position)

    def _count(self, counts: Json, choice: int | None = None) -> None:
        if contents_usage.told(counts):
            self._normaliser.usage(counts)

    def _candidate(self, candidate: Json, position: int) -> None:
        if type(index := candidate.get("index")) is not int or index < 0:
            index = position
        content = candidate.get("content")
        parts = content.get("parts") if type(content) is dict else None
        result = candidate.get("logprobsResult") or candidate.get("logprobs_result")
        if result:
            self._normaliser.content(index, "", contents_logprobs.to_openai(result))
        if type(parts) is list:
            for part in parts:
                if type(part) is dict:
                    self._part(part, index)
        finish = candidate.get("finishReason") or candidate.get("finish_reason")
        if finish:
            self._finish(candidate, index, str(finish))
        elif not parts:
            self._normaliser.open(index)

    def _part(self, part: Json, index: int) -> None:
        text = part.get("text")
        if type(text) is not str:
            self._special(part, index)
        elif not text:
            self._normaliser.open(index)  # how an answer begins: the app is told before the first word is there
        elif part.get("thought"):
            self._normaliser.reasoning(index, text)
        else:
            self._normaliser.content(index, text)

    def _special(self, part: Json, index: int) -> None:
        """A part that is no text."""
        if self._normaliser.finished:
            return
        for names, read in PARTS:
            for name in names:
                if type(data := part.get(name)) is dict:
                    self._normaliser.content(index, read(data))
                    return
        call = part.get("functionCall") or part.get("function_call")
        if type(call) is dict:
            self._call(call, part.get("thoughtSignature") or part.get("thought_signature"), index)

    def _call(self, call: Json, signature: Any, index: int) -> None:
        """A whole call; one that is said again with the same id is passed over."""
        given, calls = call.get("id"), self._calls.setdefault(index, [])
        if given and call in calls:
            self._normaliser.note("left out a tool call that was said twice")
            return
        own = type(given) is str and given and all(given != other.get("id") for other in calls)
        id = str(given) if own else self._new_id()
        if type(signature) is str and signature:
            self._signatures.keep(id, signature)
        name = call.get("name")
        calls.append(call)
        arguments = _arguments(call.get("args"))
        self._normaliser.call(index, len(calls) - 1, id, name if type(name) is str else "", arguments)

    def _finish(self, candidate: Json, index: int, reason: str) -> None:
        if reason == UNSPECIFIED:
            self._normaliser.open(index)  # which also sees that there are not too many
            self._vague[index] = self._vague.get(index, 0) + 1
            return
        meant = FINISHES.get(reason.upper(), reason)
        if meant == "stop" and self._calls.get(index):  # the format has no word of its own for this
            meant = "tool_calls"
        self._normaliser.finish(index, meant)
        message = candidate.get("finishMessage") or candidate.get("finish_message")
        if type(message) is str and message:
            self._normaliser.note(f"choice {index}: {reason[:40]}: {message[:200]}")

    def _refused(self, response: Json) -> ProxyError | None:
        """What a response says instead of an answer: an error, or that the prompt is blocked."""
        if any(response.get(name) for name in ("error", "message", "detail")):
            status = response.get("status_code")
            return self._error(status if type(status) is int else 0, response)
        feedback = response.get("promptFeedback") or response.get("prompt_feedback")
        if type(feedback) is not dict:
            return None
        reason = feedback.get("blockReason") or feedback.get("block_reason")
        if not reason:
            return None
        said = feedback.get("blockReasonMessage") or feedback.get("block_reason_message") or ""
        message = " ".join(f"The upstream blocked the prompt ({reason}). {said} {FILTERED}".split())
        return ProxyError(CONTENT_FILTER, message, param="messages")


def _arguments(args: Any) -> str:
    """Arguments as JSON text; a call without any has none to say."""
    if args is None or type(args) is str:
        return args or "{}"
    return orjson.dumps(args).decode()


def _inline(data: Json) -> str:
    """Media in the answer, as Markdown: a chat answer's content is text."""
    return _shown(str(data.get("mimeType") or data.get("mime_type") or ""), data.get("data"), "data:{};base64,{}")


def _file(data: Json) -> str:
    uri = data.get("fileUri") or data.get("file_uri")
    return _shown(str(data.get("mimeType") or data.get("mime_type") or ""), uri, "{1}")


def _shown(kind: str, data: Any, address: str) -> str:
    if type(data) is not str or not data:
        return ""
    title, _, _ = kind.partition("/")
    return f"{'!' if title == 'image' else ''}[{title or 'file'}]({address.format(kind, data)})"


def _code(data: Json) -> str:
    language = data.get("language")
    name = language.lower() if type(language) is str and language != "LANGUAGE_UNSPECIFIED" else ""
    return _fenced(name, data.get("code"))


def _result(data: Json) -> str:
    return _fenced("", data.get("output"))


def _fenced(name: str, text: Any) -> str:
    """A code block; its fence is longer than any in the text."""
    if type(text) is not str or not text:
        return ""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"\n{fence}{name}\n{text.removesuffix(chr(10))}\n{fence}\n"


PARTS: tuple[tuple[tuple[str, str], Callable[[Json], str]], ...] = (
    (("inlineData", "inline_data"), _inline),
    (("fileData", "file_data"), _file),
    (("executableCode", "executable_code"), _code),
    (("codeExecutionResult", "code_execution_result"), _result),
)
"""Parts that are neither text nor a call, made text."""

"""Answers of OpenAI's other APIs for people: responses, legacy completions, embeddings."""

import base64
from collections.abc import Iterator, Mapping, Sequence

from qwenproxy.flows.views import pretty
from qwenproxy.wire.openai import Json

PARTS: Mapping[str, str] = {"output_text": "content", "refusal": "refusal", "summary_text": "thinking"}
"""What a part is called here."""
PIECES: Mapping[str, str] = {
    "response.output_text.delta": "content",
    "response.refusal.delta": "refusal",
    "response.reasoning_summary_text.delta": "thinking",
    "response.function_call_arguments.delta": "arguments",
    "response.custom_tool_call_input.delta": "input",
}
"""What the pieces are of that an answer was cut in."""
CALLED = ("arguments", "input", "action", "operation")
"""Where a call has what it calls with."""
FLOAT = 4
"""Bytes of a number in base64."""


def told(chunks: Sequence[Json]) -> str:
    """What *chunks*, a whole answer or the events of a stream, say; "" if they are of none of these APIs."""
    if not chunks:
        return ""
    kinds = {str(chunk.get("object")) for chunk in chunks}
    if "text_completion" in kinds:
        return "\n".join(_completion(chunks))
    if kinds == {"list"} and chunks[0].get("data") and "embedding" in chunks[0]["data"][0]:
        return "\n".join(_embeddings(chunks[0]))
    if kinds <= {"response", "response.compaction"}:
        return "\n".join(_response(chunks[0]))
    if str(chunks[0].get("type")).startswith("response."):
        return "\n".join(_events(chunks))
    return ""


def block(words: str) -> str:
    """*words*, set in and wrapped."""
    lines = (wrapped for line in words.splitlines() for wrapped in pretty.wrapped(line))
    return "\n".join(f"  {line}" for line in lines)


def _response(response: Json) -> Iterator[str]:
    for item in response.get("output") or ():
        yield from _item(item)
    if "status" in response:
        why = (response.get("incomplete_details") or {}).get("reason")
        yield f"status: {response['status']}" + (f" ({why})" if why else "")
    if error := response.get("error"):
        yield f"error: {error['code']}: {error['message']}"
    if usage := response.get("usage"):
        yield f"usage:\n{block(pretty.line(usage))}"


def _item(item: Json) -> Iterator[str]:
    for part in (*(item.get("summary") or ()), *(item.get("content") or ())):
        yield f"{PARTS.get(part['type'], part['type'])}: |\n{block(str(part.get('text') or part.get('refusal') or ''))}"
    if sealed := item.get("encrypted_content"):
        yield f"{item['type']}: {len(sealed):,} characters, sealed"
    if "call_id" in item:
        spaced = f"{item['namespace']}." if item.get("namespace") else ""
        yield f"tool call: {spaced}{item.get('name') or item['type']}  # {item['call_id']}"
        yield block(_called(item))


def _called(item: Json) -> str:
    called = next((item[name] for name in CALLED if name in item), "")
    return pretty.indented(called.encode()) if isinstance(called, str) else pretty.line(called)


def _events(events: Sequence[Json]) -> Iterator[str]:
    """The response that a stream ends with; of one that was cut, the items that were done, and the one that was not."""
    last: Json = next((event["response"] for event in reversed(events) if "response" in event), {})
    if last.get("status") not in ("queued", "in_progress"):
        yield from _response(last)
        return
    pieces: list[Json] = []
    for event in events:
        if event["type"] == "response.output_item.done":
            pieces.clear()
            yield from _item(event["item"])
        elif event["type"] in PIECES:
            pieces.append(event)
    for kind in dict.fromkeys(PIECES[piece["type"]] for piece in pieces):
        text = "".join(piece["delta"] for piece in pieces if PIECES[piece["type"]] == kind)
        yield f"{kind}, so far: |\n{block(text)}"


def _completion(chunks: Sequence[Json]) -> Iterator[str]:
    texts: dict[int, list[str]] = {}
    finishes: dict[int, str] = {}
    for chunk in chunks:
        for choice in chunk.get("choices") or ():
            texts.setdefault(choice["index"], []).append(choice.get("text") or "")
            finishes[choice["index"]] = choice.get("finish_reason") or finishes.get(choice["index"], "none")
    for index in sorted(texts):
        if len(texts) > 1:
            yield f"choice: {index}"
        yield f"text: |\n{block(''.join(texts[index]))}"
        yield f"finish: {finishes[index]}"
    if usage := next((chunk["usage"] for chunk in reversed(chunks) if chunk.get("usage")), None):
        yield f"usage:\n{block(pretty.line(usage))}"


def _embeddings(answer: Json) -> Iterator[str]:
    for each in answer["data"]:
        yield f"embedding {each['index']}: {_vector(each['embedding'])}"
    yield f"usage:\n{block(pretty.line(answer.get('usage') or {}))}"


def _vector(embedding: str | Sequence[float]) -> str:
    if isinstance(embedding, str):
        return f"{len(base64.b64decode(embedding)) // FLOAT} numbers, in base64"
    shown = ", ".join(f"{number:.4g}" for number in embedding[:4])
    return f"{len(embedding)} numbers ({shown} ...)"

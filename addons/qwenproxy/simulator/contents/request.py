"""The body of generateContent as a chat request."""

from typing import Any

from qwenproxy.simulator.contents import generation, tools, turns
from qwenproxy.simulator.contents.fields import TABLE
from qwenproxy.simulator.contents.protojson import Reader
from qwenproxy.simulator.contents.refusals import unknown_model, unreadable, wrong
from qwenproxy.simulator.known import is_known
from qwenproxy.simulator.refusals import Refused
from qwenproxy.wire.openai import Json

ONLY_TEXT = "* GenerateContentRequest.system_instruction.parts: only text is supported in system instructions.\n"


def known(name: str, method: str) -> str:
    """*name*, if there is such a model.  Raises Refused."""
    if not is_known(name):
        raise Refused(unknown_model(name, method))
    return name


def read(body: Any, message: str) -> Json:
    """*body* as the API's *message*.  Raises Refused for what does not fit it."""
    reader = Reader(TABLE)
    request = reader.read(body, message)
    if reader.faults:
        raise Refused(unreadable(reader.faults))
    return request


def chat_of(request: Json) -> Json:
    """The chat request that a GenerateContentRequest is, without its model.  Raises Refused for what is wrong in it."""
    config = request.get("generation_config", {})
    contents = request.get("contents", [])
    said = turns.complaint(contents) or tools.complaint(request) or generation.complaint(config)
    if said is not None:
        raise Refused(wrong(said))
    try:
        messages = [*_system(request.get("system_instruction", {})), *turns.messages_of(contents)]
    except ValueError as error:
        raise Refused(wrong(str(error))) from error
    return {"messages": messages, **tools.fields_of(request), **generation.fields_of(config)}


def _system(content: Json) -> list[Json]:
    """The instruction as a message.  Raises ValueError."""
    parts = content.get("parts", [])
    if not all("text" in part for part in parts):
        raise ValueError(ONLY_TEXT)
    return [{"role": "system", "content": "\n".join(part["text"] for part in parts)}] if parts else []
